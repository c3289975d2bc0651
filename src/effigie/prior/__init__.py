"""Geometry before networks: pictures of a person, bent into any wanted pose and expression.

A bank holds a person's frames with their landmarks; for each moment the frames that need least bending are chosen and
warped. Swapping and talking heads both build on it. Networks may not enter, nor anything that knows which of the two
verbs it serves.
"""
