"""Finding and measuring faces: detect, landmarks, pose, track, align, identity, mask; `extract` makes a face set.

Nothing here trains or generates. Images are ``(H, W, 3)`` uint8 RGB, coordinates are pixels with the origin at the
top left, landmarks are the 478 points of the canonical face mesh.
"""
