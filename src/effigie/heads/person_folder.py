"""The folder of a person's model: its files' names, and whether a folder is one. Read before torch is there."""

from __future__ import annotations

from pathlib import Path

from effigie.io.folder_names import CONFIG

PERSON, PORTRAIT, BANK, GENERATOR = "person.safetensors", "portrait.png", "bank", "generator.safetensors"


def is_person_model(path: Path) -> bool:
    """Whether a person's model lies there."""
    return (path / CONFIG).is_file() and (path / BANK).is_dir()
