"""The drill: a battery of attacks that change nothing, and which control refuses each."""
