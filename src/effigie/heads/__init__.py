"""Talking heads: a portrait, or a few pictures of a person, and somebody else's motion make a video of that person.

Geometry first: the scene is bent into the driver's motion without any network; embedder, generator and discriminator
(arXiv 1905.08233) learn what geometry cannot give. May not be imported by, nor import, `swap`.
"""
