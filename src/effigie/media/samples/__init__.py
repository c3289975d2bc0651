"""Decoded pictures in the footage's own samples: where components lie, their color, and the way to RGB and back."""
