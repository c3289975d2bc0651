"""Metrics, one kind a file: pure functions on arrays, each with its unit and what fools it. No metric is a loss."""
