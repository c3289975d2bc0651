"""File names in a swap's model folder; see docs/formats.md."""

from __future__ import annotations

CONFIG, WEIGHTS, PEOPLE, BANK, PENALTIES, MANIFEST = (
    "config.json",
    "swap.safetensors",
    "people.safetensors",
    "bank",
    "penalties.json",
    "manifest.json",
)
