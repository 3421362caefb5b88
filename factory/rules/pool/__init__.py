"""Segments, quotas, GPU pools and queues: who may use how much of what."""
