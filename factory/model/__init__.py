"""From training to serving: models as OCI artifacts, who signed them, who validated them, and what a server checks before it starts."""
