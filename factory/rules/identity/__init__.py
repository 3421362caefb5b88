"""How people sign in, and how workloads prove who they are."""
