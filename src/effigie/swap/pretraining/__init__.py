"""Pretraining of the swap network on many people: what is the same for everybody, from which `train` can start."""
