"""Datasets and models: who touches what, and where it could leak."""
