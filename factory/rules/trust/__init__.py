"""Roots and intermediates: what a certificate is believed for."""
