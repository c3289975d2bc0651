"""Frames of an animation before it is made: a portrait that is opened once, and shows what controls say at once."""
