"""File names in a swap's model folder; see docs/formats.md."""

from __future__ import annotations

CONFIG, WEIGHTS, PEOPLE, BANK, MANIFEST = (
    "config.json",
    "swap.safetensors",
    "people.safetensors",
    "bank",
    "manifest.json",
)
