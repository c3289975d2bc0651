"""Saves and loads meta-learned models, and finds the one that ships.

A folder: ``config.json`` (how to build the networks), ``embedder``, ``generator`` and ``discriminator.safetensors``
(averaged weights, fp16; without the table W, whose columns are the people it was trained on), ``motions.safetensors``
(some moments' landmarks, to warp a new person's pictures by) and ``manifest.json``. The training state beside it lets
training go on.
"""

from __future__ import annotations

import importlib.resources
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from effigie.errors import ModelError
from effigie.heads.meta_learning.motion_bank import MotionBank
from effigie.heads.network.discriminator import Discriminator
from effigie.heads.network.embedder import Embedder
from effigie.heads.network.generator import Generator
from effigie.heads.presets import Preset
from effigie.io.atomic_write import atomic_write, read_json, sha256, write_json
from effigie.io.tensors import load_arrays, load_tensors, serialize_tensors

LOG = logging.getLogger(__name__)

VERSION = 1
CONFIG, MANIFEST, MOTIONS = "config.json", "manifest.json", "motions.safetensors"
NETWORKS = ("embedder", "generator", "discriminator")
TABLE_PREFIX = "table."  # names of the discriminator's people begin so
SHIPPED = "shipped"
STORED_MOMENTS = 96  # in a model's folder: 3 KB each


@dataclass(frozen=True)
class Networks:
    """The three networks of one preset."""

    embedder: Embedder
    generator: Generator
    discriminator: Discriminator

    @classmethod
    def build(cls, preset: Preset, prior: bool, people: int = 1) -> Networks:
        """Untrained networks; ``people`` columns in the discriminator's table."""
        return cls(Embedder(preset), Generator(preset, prior), Discriminator(preset, people))

    def by_name(self) -> dict[str, nn.Module]:
        """The networks by the names of :data:`NETWORKS`."""
        return {name: getattr(self, name) for name in NETWORKS}


@dataclass(frozen=True)
class HeadsModel:
    """A meta-learned model.

    Attributes:
        preset: sizes.
        prior: whether the generator takes the warped shots.
        networks: in evaluation mode, on the CPU, spectral norms not folded.
        motions: to warp stills by; None if nobody was filmed in its training.
        manifest_sha256: of ``manifest.json``: what is made with it names it so.
    """

    preset: Preset
    prior: bool
    networks: Networks
    motions: MotionBank | None
    manifest_sha256: str | None


def get_shipped_folder() -> Path:
    """The folder of the model that comes with effigie.

    Raises:
        ModelError: this installation lacks it.
    """
    folder = Path(str(importlib.resources.files("effigie.heads") / SHIPPED))
    if not (folder / CONFIG).is_file():
        raise ModelError("this installation of effigie lacks its talking-head model: install it again")
    return folder


def save_config(folder: Path, preset: Preset, prior: bool, people: int) -> None:
    """Write how the networks are built; ``people`` columns were trained."""
    write_json(
        folder / CONFIG,
        {"version": VERSION, "kind": "heads", "prior": prior, "preset": asdict(preset), "people": people},
    )


def load_config(folder: Path, kind: str = "heads") -> dict[str, Any]:
    """The checked contents of ``config.json``.

    Raises:
        ModelError: no model there, damaged, of another kind, or written by a newer effigie.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise ModelError(f"{folder} is not a model: it has no {CONFIG}")
    try:
        config = read_json(path)
        version, found = int(config["version"]), config["kind"]
        Preset(**config["preset"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged ({error}): train again into a new folder") from error
    if version > VERSION:
        raise ModelError(
            f"{folder} was made by a newer effigie (version {version}, this one reads {VERSION}): update"
        )
    if found != kind:
        raise ModelError(f"{folder} holds a {found} model, not one of kind {kind}")
    return dict(config)


def save_networks(folder: Path, networks: Mapping[str, nn.Module]) -> None:
    """Write each network as fp16 safetensors, whole or not at all; the discriminator's people stay out."""
    for name, network in networks.items():
        tensors = {
            key: _to_half(value).contiguous()
            for key, value in network.state_dict().items()
            if not (
                name == "discriminator" and key.startswith((TABLE_PREFIX, f"parametrizations.{TABLE_PREFIX}"))
            )
        }
        with atomic_write(folder / f"{name}.safetensors") as temporary:
            temporary.write_bytes(serialize_tensors(tensors))


def save_motions(folder: Path, motions: MotionBank) -> None:
    """Write some of the moments, fp16."""
    kept = motions.subsample(STORED_MOMENTS)
    arrays = {
        "actors": kept.actors.astype("int32"),
        **{name: getattr(kept, name).astype("float16") for name in ("unposed", "rotations", "blendshapes")},
    }
    with atomic_write(folder / MOTIONS) as temporary:
        temporary.write_bytes(serialize_tensors(arrays))


def load_heads(folder: str | Path | None = None) -> HeadsModel:
    """A meta-learned model; None loads the one that ships.

    Raises:
        ModelError: missing, damaged, not trained yet, of another kind or a newer version.
    """
    folder = get_shipped_folder() if folder is None else Path(folder)
    config = load_config(folder)
    if not (folder / "generator.safetensors").is_file():
        raise ModelError(f"{folder} is not trained yet: run `effigie meta-train` again to go on")
    preset, prior = Preset(**config["preset"]), bool(config["prior"])
    networks = Networks.build(preset, prior)
    for name, network in networks.by_name().items():
        load_weights(folder / f"{name}.safetensors", network)
    manifest = sha256(folder / MANIFEST) if (folder / MANIFEST).is_file() else None
    LOG.info("loaded the heads %s", folder)
    return HeadsModel(preset, prior, networks, _load_motions(folder / MOTIONS), manifest)


def load_weights(path: Path, network: nn.Module) -> None:
    """Fill a network and put it in evaluation mode; a discriminator's table of people is left as it is.

    Raises:
        ModelError: missing, damaged, or of another network.
    """
    try:
        tensors = {name: value.float() for name, value in load_tensors(path).items()}
        missing, unknown = network.load_state_dict(tensors, strict=False)
        missing = [name for name in missing if TABLE_PREFIX not in name]
        if missing or unknown:
            raise ValueError(f"tensors do not fit: {[*missing, *unknown][0]}")
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{path} is damaged ({reason}): get the model again") from error
    network.eval().requires_grad_(False)


def _load_motions(path: Path) -> MotionBank | None:
    if not path.is_file():
        return None
    try:
        arrays = load_arrays(path)
        return MotionBank(
            arrays["actors"],
            *(arrays[name].astype("float32") for name in ("unposed", "rotations", "blendshapes")),
        )
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path} is damaged ({error}): get the model again") from error


def _to_half(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.dtype == torch.float32 else tensor
