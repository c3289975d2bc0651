"""Monitoring of a run: logger, curve, plot, previews, progress summary and forecast."""
