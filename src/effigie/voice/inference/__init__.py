"""Speaks texts and converts performances."""
