"""Protocols: which frames of which clips and people the metrics are applied to."""
