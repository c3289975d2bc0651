"""Frames of a conversion before it is made: a draft at once, then the very frame that the film will have."""
