"""Saves and loads the model of speaking mouths, and finds the one that ships.

A folder: ``config.json``, ``speech.safetensors`` and ``manifest.json``, which says what it was trained on.
"""

from __future__ import annotations

import importlib.resources
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from effigie.errors import ModelError
from effigie.faces.landmarker import BLENDSHAPES, LANDMARK_COUNT
from effigie.heads.speech.features import ENCODED_TAPS, MEL_TAPS, Reduction
from effigie.heads.speech.network import MouthModel
from effigie.io.atomic_write import atomic_write, sha256, write_json
from effigie.io.folder_names import CONFIG, MANIFEST
from effigie.training.model_folder import load_config, save_config

WEIGHTS = "speech.safetensors"
KIND = "speech"
COMMAND = "effigie.heads.speech.trainer.train_mouth"


def save_mouth(folder: Path, model: MouthModel, trained_on: dict[str, Any]) -> None:
    """Write a model; the manifest last."""
    from effigie.io.tensors import serialize_tensors

    folder.mkdir(parents=True, exist_ok=True)
    save_config(folder, KIND, features=[*ENCODED_TAPS.tolist(), *MEL_TAPS.tolist()])
    tensors = {
        "encoder.mean": model.encoder_reduction.mean,
        "encoder.components": model.encoder_reduction.components,
        "mel.mean": model.mel_reduction.mean,
        "mel.components": model.mel_reduction.components,
        "weights": model.weights,
        "rest": model.rest,
        "basis": model.basis,
        "gap_curve": model.gap_curve,
        "blendshapes": model.blendshapes,
    }
    with atomic_write(folder / WEIGHTS) as temporary:
        temporary.write_bytes(serialize_tensors({name: value.astype(np.float32) for name, value in tensors.items()}))
    write_json(folder / MANIFEST, {**trained_on, "weights": sha256(folder / WEIGHTS)})


def load_mouth(folder: str | Path | None = None) -> MouthModel:
    """A trained model; None loads the one that ships.

    Raises:
        ModelError: missing, damaged, of another kind or a newer version.
    """
    return _load(shipped_folder() if folder is None else Path(folder))


def shipped_folder() -> Path:
    """The folder of the model that comes with effigie."""
    folder = Path(str(importlib.resources.files("effigie.heads.speech") / "shipped"))
    if not (folder / CONFIG).is_file():
        raise ModelError("this installation of effigie lacks its model of speaking mouths: install it again")
    return folder


@cache
def _load(folder: Path) -> MouthModel:
    from safetensors import SafetensorError

    from effigie.io.tensors import load_arrays

    def parse(config: dict[str, Any]) -> None:
        if config["features"] != [*ENCODED_TAPS.tolist(), *MEL_TAPS.tolist()]:
            raise ValueError("it was trained on other features")

    load_config(folder, KIND, COMMAND, parse)
    try:
        arrays = load_arrays(folder / WEIGHTS)
        model = MouthModel(
            Reduction(arrays["encoder.mean"], arrays["encoder.components"]),
            Reduction(arrays["mel.mean"], arrays["mel.components"]),
            arrays["weights"],
            arrays["rest"],
            arrays["basis"],
            arrays["gap_curve"],
            arrays["blendshapes"],
        )
        _check(model)
    except (SafetensorError, OSError, ValueError, LookupError, RuntimeError) as error:
        raise ModelError(
            f"{folder / WEIGHTS} is damaged ({str(error).splitlines()[0]}): get the model again"
        ) from error
    return model


def _check(model: MouthModel) -> None:
    """Refuse tensors that do not fit each other."""
    count = len(model.basis)
    reduced = len(ENCODED_TAPS) * model.encoder_reduction.components.shape[1]
    reduced += len(MEL_TAPS) * model.mel_reduction.components.shape[1]
    tensors = {
        "weights": (model.weights, (reduced + 1, count + 1)),
        "rest": (model.rest, (LANDMARK_COUNT, 3)),
        "basis": (model.basis, (count, LANDMARK_COUNT, 3)),
        "blendshapes": (model.blendshapes, (count + 1, len(BLENDSHAPES))),
        "gap_curve": (model.gap_curve, (2, model.gap_curve.shape[-1])),
    }
    for name, (value, shape) in tensors.items():
        if value.shape != shape or not np.isfinite(value).all():
            raise ValueError(f"{name} is {value.shape}, not {shape}, or not finite")
