"""Names of what lies in a model's folder; see docs/formats.md."""

from __future__ import annotations

CONFIG, WEIGHTS, PEOPLE, BANK, MANIFEST = (
    "config.json",
    "swap.safetensors",
    "people.safetensors",
    "bank",
    "manifest.json",
)
