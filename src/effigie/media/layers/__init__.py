"""Layers for other compositing programs: what lies over the footage, premultiplied, with its alpha."""
