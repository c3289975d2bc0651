"""What a run shows of itself: curve, plot, previews, plateau and forecast."""
