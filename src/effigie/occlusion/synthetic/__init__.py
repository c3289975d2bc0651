"""Synthetic occluders: hands, glasses, hair, objects, drawn over real faces so that what they hide is known."""
