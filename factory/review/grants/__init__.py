"""Roles that people hold for a while: asked for, agreed to, looked at and taken away, each as the person's own identity."""
