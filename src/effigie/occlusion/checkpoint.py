"""Saves and loads occlusion networks, and finds the one that ships.

A folder: ``config.json`` (widths), ``occlusion.safetensors`` (averaged weights, fp16) and ``manifest.json`` (what it
was trained on). The training state beside it lets training go on.
"""

from __future__ import annotations

import importlib.resources
import logging
from pathlib import Path

import torch
from safetensors import SafetensorError

from effigie.errors import ModelError
from effigie.io.atomic_write import atomic_write, read_json, write_json
from effigie.io.tensors import load_tensors, serialize_tensors
from effigie.occlusion.network import OcclusionNet

LOG = logging.getLogger(__name__)

VERSION = 1
CONFIG, MANIFEST, WEIGHTS = "config.json", "manifest.json", "occlusion.safetensors"
SHIPPED = "shipped"


def get_shipped_folder() -> Path:
    """The folder of the model that comes with effigie.

    Raises:
        ModelError: this installation lacks it.
    """
    folder = Path(str(importlib.resources.files("effigie.occlusion") / SHIPPED))
    if not (folder / WEIGHTS).is_file():
        raise ModelError("this installation of effigie lacks its occlusion model: install it again")
    return folder


def save_occlusion(folder: Path, network: OcclusionNet) -> None:
    """Write a network, whole or not at all."""
    tensors = {
        name: (value.half() if value.dtype == torch.float32 else value).contiguous()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    write_json(folder / CONFIG, {"version": VERSION, "kind": "occlusion", "widths": list(network.widths)})
    with atomic_write(folder / WEIGHTS) as temporary:
        temporary.write_bytes(serialize_tensors(tensors))


def load_occlusion(folder: str | Path | None = None) -> OcclusionNet:
    """A trained network in evaluation mode, on the CPU; None loads the one that ships.

    Raises:
        ModelError: missing, damaged, of another kind or a newer version.
    """
    folder = get_shipped_folder() if folder is None else Path(folder)
    path = folder / CONFIG
    try:
        config = read_json(path)
        version, kind, widths = int(config["version"]), config["kind"], tuple(map(int, config["widths"]))
    except FileNotFoundError as error:
        raise ModelError(f"{folder} is not a model: it has no {CONFIG}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged ({error}): train again into a new folder") from error
    if version > VERSION:
        raise ModelError(
            f"{folder} was made by a newer effigie (version {version}, this one reads {VERSION}): update"
        )
    if kind != "occlusion":
        raise ModelError(f"{folder} holds a {kind} model, not one of kind occlusion")
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{folder} is not trained yet: run `effigie occlusion train` again to go on")
    try:
        network = OcclusionNet(widths)
        missing, unknown = network.load_state_dict(
            {name: value.float() for name, value in load_tensors(folder / WEIGHTS).items()}, strict=False
        )
        missing = [name for name in missing if not name.endswith("num_batches_tracked")]
        if missing or unknown:
            raise ValueError(f"tensors do not fit: {[*missing, *unknown][0]}")
    except (SafetensorError, OSError, ValueError, RuntimeError, IndexError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{folder / WEIGHTS} is damaged ({reason}): get the model again") from error
    LOG.info("loaded the occlusion network %s", folder)
    return network.eval().requires_grad_(False)
