"""Animation: a portrait or a fine-tuned person and a driver in, a video out."""
