"""Warps of a whole portrait by geometry alone: face, eyes, mouth, head, shoulders, background."""
