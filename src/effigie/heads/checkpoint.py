"""Saves and loads meta-learned models, and finds the one that ships.

A folder: ``config.json`` (how to build the networks), ``embedder``, ``generator`` and ``discriminator.safetensors``
(averaged weights, fp16; without the table W, whose columns are the people it was trained on), ``motions.safetensors``
(some moments' landmarks, to warp a new person's pictures by) and ``manifest.json``. The training state beside it lets
training go on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import nn

from effigie.errors import ModelError
from effigie.heads.meta_learning.motion_bank import MotionBank
from effigie.heads.network.discriminator import Discriminator
from effigie.heads.network.embedder import Embedder
from effigie.heads.network.generator import Generator
from effigie.heads.presets import Preset
from effigie.io.atomic_write import atomic_write, sha256
from effigie.io.folder_names import MANIFEST
from effigie.io.tensors import load_arrays, serialize_tensors
from effigie.training import model_folder
from effigie.training.model_folder import get_shipped_folder, load_weights, require_weights, save_weights

LOG = logging.getLogger(__name__)

MOTIONS = "motions.safetensors"
COMMANDS = {"heads": "effigie meta-train", "person": "effigie tune"}
NETWORKS = ("embedder", "generator", "discriminator")
TABLE_PREFIX = "table."  # names of the discriminator's people begin so
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


def save_config(folder: Path, preset: Preset, prior: bool, people: int) -> None:
    """Write how the networks are built; ``people`` columns were trained."""
    model_folder.save_config(folder, "heads", prior=prior, preset=asdict(preset), people=people)


def load_config(folder: Path, kind: str = "heads") -> dict[str, Any]:
    """The checked contents of ``config.json`` of a meta-learned model or a ``person``."""

    def check(config: dict[str, Any]) -> dict[str, Any]:
        Preset(**config["preset"])
        _ = config["prior"]
        return config

    return model_folder.load_config(folder, kind, COMMANDS[kind], check)


def save_networks(folder: Path, networks: Mapping[str, nn.Module]) -> None:
    """Write each network as fp16 safetensors, whole or not at all; the discriminator's people stay out."""
    for name, network in networks.items():
        tensors = {key: value for key, value in network.state_dict().items() if TABLE_PREFIX not in key}
        save_weights(folder / f"{name}.safetensors", tensors)


def save_motions(folder: Path, motions: MotionBank) -> None:
    """Write some of the moments, fp16."""
    sample = motions.subsample(STORED_MOMENTS)
    arrays = {
        "actors": sample.actors.astype("int32"),
        **{name: getattr(sample, name).astype("float16") for name in ("unposed", "rotations", "blendshapes")},
    }
    with atomic_write(folder / MOTIONS) as temporary:
        temporary.write_bytes(serialize_tensors(arrays))


def load_heads(folder: str | Path | None = None) -> HeadsModel:
    """A meta-learned model; None loads the one that ships.

    Raises:
        ModelError: missing, damaged, not trained yet, of another kind or a newer version.
    """
    folder = get_shipped_folder("heads") if folder is None else Path(folder)
    config = load_config(folder)
    require_weights(folder / "generator.safetensors", COMMANDS["heads"])
    preset, prior = Preset(**config["preset"]), bool(config["prior"])
    networks = Networks.build(preset, prior)
    for name, network in networks.by_name().items():
        load_weights(folder / f"{name}.safetensors", network, optional=(TABLE_PREFIX,))
    manifest = sha256(folder / MANIFEST) if (folder / MANIFEST).is_file() else None
    LOG.info("loaded the heads %s", folder)
    return HeadsModel(preset, prior, networks, _load_motions(folder / MOTIONS), manifest)


def _load_motions(path: Path) -> MotionBank | None:
    if not path.is_file():
        return None
    try:
        arrays = load_arrays(path)
        return MotionBank(
            arrays["actors"], *(arrays[name].astype("float32") for name in ("unposed", "rotations", "blendshapes"))
        )
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path} is damaged ({error}): get the model again") from error
