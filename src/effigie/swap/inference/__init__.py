"""Conversion: a trained swap and footage in, swapped footage out."""
