"""Images, posture, and what the cluster can and cannot do."""
