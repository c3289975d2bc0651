"""Monitoring of a run: logger, curve, plot, previews, plateau and forecast."""
