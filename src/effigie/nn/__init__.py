"""Losses and networks that swap, heads and occlusion share: adversarial, perceptual, structural, identity.

Functions and modules on tensors (B, 3, H, W) in [0, 1]. Data, files and training loops may not enter.
"""
