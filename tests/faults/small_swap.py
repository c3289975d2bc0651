"""A swap model that is quick to load and convert with: small networks, few pictures, no training state."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from effigie.faceset import FaceSet
from effigie.io.tensors import serialize_tensors
from effigie.swap.checkpoint import build_network
from effigie.swap.presets import SwapPreset

SMALLEST = SwapPreset(size=128, width=8, depth=1, stem=4, batch=2)


def thinned(path: Path, target: Path, step: int) -> Path:
    """Every ``step``-th face of a face set, as a set of its own."""
    whole = FaceSet.open(path)
    few = FaceSet.create(target, whole.settings)
    (source,) = whole.sources.values()
    with few.writer(source) as writer:
        writer.write(record for index, record in enumerate(whole.records()) if index % step == 0)
    return target


def small_model(model: Path, folder: Path) -> Path:
    """The same people and records as ``model``, with untrained networks and two faces in the bank."""
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("training", "previews", "tensorboard", "bank"))
    thinned(model / "bank", folder / "bank", 48)
    config = json.loads((model / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"preset": asdict(SMALLEST)}), "utf-8")
    network = build_network(SMALLEST, bool(config["prior"]))
    halves = {name: tensor.half() for name, tensor in network.state_dict().items()}
    (folder / "swap.safetensors").write_bytes(serialize_tensors(halves))
    return folder
