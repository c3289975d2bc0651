"""Geometric prior: pictures of a person, warped into any pose and expression.

A bank holds a person's frames with their landmarks; for each moment the frames that need least warping are selected
and warped. Swapping and talking heads both build on it. Networks may not enter, nor anything that knows which of the
two it serves.
"""
