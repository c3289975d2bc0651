"""Speaks and converts in the voice of a person who consented."""
