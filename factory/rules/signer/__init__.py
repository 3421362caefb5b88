"""Whose signature lets a model or an image in."""
