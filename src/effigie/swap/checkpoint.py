"""Checkpoint of a trained swap: the model folder, saved and loaded.

A folder: ``config.json`` (how to build the networks), ``swap.safetensors`` (averaged weights), ``people.safetensors``
(both people's shapes and identities), ``bank/`` (the source frames that are warped, as a face set) and
``manifest.json`` (what it was trained on). The training state beside it lets training go on.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError

from effigie.consent.gate import ConsentLike, Permit, permit_model
from effigie.errors import FaceSetError, ModelError
from effigie.io.atomic_write import atomic_write, sha256
from effigie.io.tensors import load_arrays, serialize_tensors
from effigie.prior.frame_bank import FaceProfile, FrameBank
from effigie.swap.checkpoint_paths import BANK, CONFIG, MANIFEST, PEOPLE, WEIGHTS
from effigie.swap.network import SwapNet
from effigie.swap.presets import SwapPreset
from effigie.swap.shape_retarget import ShapeRetarget
from effigie.swap.source_bank import has_bank, load_bank
from effigie.training import model_folder
from effigie.training.export import (
    CHECKPOINTS,
    READ_ATTEMPTS,
    count_steps,
    find_newest_step,
    has_newer_weights,
    load_newest_weights,
)

LOG = logging.getLogger(__name__)

COMMAND = "effigie train"
MAX_CACHED_MODELS = 4  # as many people as a scene usually has

_model_cache: dict[tuple[Any, ...], SwapModel] | None = None
# Raised by a model's files when they are damaged or do not fit each other.
DAMAGE_ERRORS = (
    *(SafetensorError, OSError, FaceSetError),
    *(LookupError, RuntimeError, TypeError, ValueError, ArithmeticError),
)


@dataclass(frozen=True)
class SwapModel:
    """A trained swap: everything that conversion needs.

    Attributes:
        preset: sizes of the networks.
        prior: whether they take the warped source.
        network: in evaluation mode; None before there are weights: geometry alone makes the faces.
        notes: what to know of its weights, for reports.
        bank: the source's frames.
        source, target: either person's face profile.
        permit: the gate's, for showing the source.
        manifest_sha256: of ``manifest.json``: outputs name the model by it.
        steps: that it was trained; 0 by geometry alone.
    """

    preset: SwapPreset
    prior: bool
    network: SwapNet | None
    bank: FrameBank
    source: FaceProfile
    target: FaceProfile
    permit: Permit
    manifest_sha256: str | None
    notes: tuple[str, ...] = ()
    steps: int = 0

    @functools.cached_property
    def retarget(self) -> ShapeRetarget:
        """From the target's face to the shape that the source's is rendered in."""
        return ShapeRetarget.from_profiles(self.target, self.source)


def build_network(preset: SwapPreset, prior: bool) -> SwapNet:
    """An untrained network of a preset."""
    return SwapNet(preset.width, preset.depth, preset.stem, prior, preset.block)


def save_config(folder: Path, preset: SwapPreset, prior: bool, source: FaceProfile, target: FaceProfile) -> None:
    """Write configuration and face profiles: everything but weights and bank."""
    model_folder.save_config(folder, "swap", prior=prior, preset=asdict(preset))
    tensors = {}
    for name, person in (("source", source), ("target", target)):
        tensors[f"{name}.shape"] = person.shape.astype(np.float32)
        tensors[f"{name}.embedding"] = person.embedding
        tensors[f"{name}.open_eye"] = np.array([person.max_eye_opening], np.float32)
        tensors[f"{name}.calm"] = person.neutral_blendshapes
    with atomic_write(folder / PEOPLE) as temporary:
        temporary.write_bytes(serialize_tensors(tensors))


def load_config(folder: Path) -> dict[str, Any]:
    """The checked contents of ``config.json``."""

    def check(config: dict[str, Any]) -> dict[str, Any]:
        _ = config["prior"]
        return config | {"preset": asdict(SwapPreset(**config["preset"]))}  # with what younger presets have, too

    return model_folder.load_config(folder, "swap", COMMAND, check)


def match_stored_preset(folder: Path, preset: SwapPreset) -> SwapPreset:
    """The preset, with the blocks of the model in ``folder``, if one is there: training goes on with its own."""
    if not (folder / CONFIG).is_file():
        return preset
    return replace(preset, block=load_config(folder)["preset"]["block"])


def load_swap(
    folder: str | Path, device: str = "cpu", *, consent: ConsentLike = None, purpose: str | None = None
) -> SwapModel:
    """Load a swap, if the person it shows has consented.

    One that was stopped is loaded as it was then, and one that is being trained as it is at this moment; before the
    first weights it makes faces by geometry alone. Nothing is written into the folder.

    Args:
        consent: records (files or ids) instead of those the model was trained with.
        purpose: what it is for, where a record is limited to one purpose.

    Raises:
        RefusedError: no valid consent for the model's source.
        ModelError: missing, damaged, of a newer version, or without both weights and frames.
    """
    folder = Path(folder)
    for retries in reversed(range(READ_ATTEMPTS)):
        config = load_config(folder)
        key = _cache_key(folder, device)
        try:
            model = _load(folder, device, config, key, consent, purpose)
        except DAMAGE_ERRORS as error:
            damage: Exception | None = error
        else:
            damage = None
        # Files that were replaced meanwhile, by a training that ended, belong to different moments.
        if retries and _cache_key(folder, device) != key:
            continue
        if damage is None:
            break
        reason = str(damage).splitlines()[0]
        raise ModelError(f"{folder} is damaged ({reason}): train again into a new folder") from damage
    if _model_cache is not None and key not in _model_cache:
        while len(_model_cache) >= MAX_CACHED_MODELS:
            del _model_cache[next(iter(_model_cache))]
        _model_cache[key] = model
    return model


def _load(
    folder: Path, device: str, config: dict[str, Any], key: tuple[Any, ...], consent: ConsentLike, purpose: str | None
) -> SwapModel:
    """The model as the folder is at this moment, or as it is in the cache under ``key``."""
    if _model_cache is not None and key in _model_cache:
        LOG.debug("%s is in the cache of models", folder)
        return replace(_model_cache[key], permit=permit_model(folder, "swap", consent=consent, purpose=purpose))
    step, weights = find_newest_step(folder), folder / WEIGHTS
    # A manifest is written after the weights: where it lies without them they were lost.
    by_geometry = step is None and not weights.is_file() and not (folder / MANIFEST).is_file() and has_bank(folder)
    preset, network, notes, steps = SwapPreset(**config["preset"]), None, [], 0
    if not by_geometry:
        network = build_network(preset, bool(config["prior"]))
        load_newest_weights(folder, network, weights.stem, COMMAND)
        network.to(device=torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
        steps = count_steps(folder, weights)
        if has_newer_weights(folder, weights):
            notes.append(f"{folder} has not been trained to its end: its weights are those of step {step}")
    source, target = load_profiles(folder)
    permit = permit_model(folder, "swap", consent=consent, purpose=purpose)
    bank = load_bank(folder / BANK, source)
    manifest = sha256(folder / MANIFEST) if (folder / MANIFEST).is_file() else None
    LOG.info("loaded the swap %s on %s", folder, device)
    prior = by_geometry or bool(config["prior"])
    return SwapModel(preset, prior, network, bank, source, target, permit, manifest, tuple(notes), steps)


def enable_model_cache() -> None:
    """Cache loaded models in this process from here on; the consent gate is asked anew each time."""
    global _model_cache
    if _model_cache is None:
        _model_cache = {}


def _cache_key(folder: Path, device: str) -> tuple[Any, ...]:
    """Key that changes when a model's files do."""
    files = [folder / name for name in (CONFIG, WEIGHTS, PEOPLE, MANIFEST)]
    files += [*(folder / CHECKPOINTS).glob("*.safetensors"), *(folder / BANK).glob("*")]
    states = []
    for file in sorted(files):
        with contextlib.suppress(FileNotFoundError):  # or removed since it was listed
            status = file.stat()
            states.append((file.name, status.st_mtime_ns, status.st_size))
    return (str(folder.resolve()), device, *states)


def load_profiles(folder: Path) -> tuple[FaceProfile, FaceProfile]:
    """The face profiles of source and target."""
    tensors = load_arrays(folder / PEOPLE)
    source, target = (
        FaceProfile(
            tensors[f"{name}.shape"].astype(np.float64),
            float(tensors[f"{name}.open_eye"][0]),
            tensors[f"{name}.embedding"],
            tensors[f"{name}.calm"],
        )
        for name in ("source", "target")
    )
    return source, target
