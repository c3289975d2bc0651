"""The talking-head models of the bench: put there, or learned from its material."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.rows.row import Setting
from effigie.errors import ModelError
from effigie.extraction import ExtractSettings, extract
from effigie.heads.checkpoint import MANIFEST, Networks, save_config, save_networks, shipped
from effigie.heads.meta_learning.config import MetaSettings
from effigie.heads.meta_learning.trainer import meta_train
from effigie.heads.presets import preset
from effigie.io.atomic import write_json

MINUTES = 60.0  # of learning, each of the two
CROP = 256  # px, at which pictures are made and judged
WITH, WITHOUT = "mesh", "none"


def face_sets(setting: Setting, name: str, films: tuple[Path, ...], stills: tuple[Path, ...]) -> list[Path]:
    """Face sets of films and of portraits, extracted at first use."""
    found = []
    for kind, files in (("films", films), ("stills", stills)):
        if files:
            path = setting.work / "heads" / f"{name}-{kind}.faces"
            settings = ExtractSettings(size=CROP, stills=kind == "stills")
            extract(files, path, settings, progress=setting.progress, cancel=setting.cancel)
            found.append(path)
    return found


def learned(setting: Setting, prior: str) -> Path | None:
    """A model of either kind: one that lies in ``work/heads/mesh`` or ``none``, else one learned now.

    None where the material has nobody to learn from.
    """
    folder = setting.work / "heads" / prior
    if (folder / MANIFEST).is_file():
        return folder
    material = setting.material.heads()
    if not material.films and not material.stills:
        return None
    faces = face_sets(setting, "learn", material.films, material.stills)
    settings = MetaSettings(
        preset="pico" if setting.quick else "nano",
        prior=prior,
        minutes=0.3 if setting.quick else MINUTES,
        content="none" if setting.quick else "light",
    )
    meta_train(faces, folder, settings, progress=setting.progress, cancel=setting.cancel)
    return folder


def fast_model(setting: Setting) -> tuple[Path, str]:
    """A nano model to measure speed with, and what it is: weights do not change the speed."""
    if (setting.work / "heads" / WITH / MANIFEST).is_file():
        return setting.work / "heads" / WITH, "the bench's own model"
    try:
        return shipped(), "the model that ships"
    except ModelError:
        folder = setting.work / "heads" / "untrained"
    torch.manual_seed(0)
    size = preset("nano")
    save_config(folder, size, True, 1)
    save_networks(folder, Networks.build(size, True).named())
    write_json(folder / MANIFEST, {"kind": "heads", "trained": False})
    return folder, "nano, untrained"
