"""Flows, listeners, peers and egress: who may talk to whom."""
