"""File names in a swap's model folder; see docs/formats.md."""

from __future__ import annotations

from effigie.io.folder_names import CONFIG, MANIFEST

__all__ = ["BANK", "CONFIG", "MANIFEST", "PENALTIES", "PEOPLE", "WEIGHTS"]

WEIGHTS, PEOPLE, BANK, PENALTIES = "swap.safetensors", "people.safetensors", "bank", "penalties.json"
