"""What a plan means: who can reach what, what a change does to trust, and whether the cluster still is what the spec says."""
