"""Saves and loads occlusion networks, and finds the one that ships.

A folder: ``config.json`` (widths), ``occlusion.safetensors`` (averaged weights, fp16) and ``manifest.json`` (what it
was trained on). The training state beside it lets training go on.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from effigie.occlusion.network import OcclusionNet
from effigie.training import model_folder
from effigie.training.model_folder import get_shipped_folder, load_weights, require_weights, save_weights

LOG = logging.getLogger(__name__)

WEIGHTS = "occlusion.safetensors"
COMMAND = "effigie occlusion train"
MAX_WIDTH = 4096  # channels; more are not built, whatever a damaged file says
BATCH_COUNT = "num_batches_tracked"
"""End of the names of what batch norms count, which is not kept."""


def save_config(folder: Path, network: OcclusionNet) -> None:
    """Write how the network is built."""
    model_folder.save_config(folder, "occlusion", widths=list(network.widths))


def load_config(folder: Path) -> tuple[int, ...]:
    """The widths in a model's configuration."""

    def parse(config: dict[str, Any]) -> tuple[int, ...]:
        widths = tuple(map(int, config["widths"]))
        if not widths or not all(2 <= width <= MAX_WIDTH for width in widths):
            raise ValueError(f"widths are {widths}")
        return widths

    return model_folder.load_config(folder, "occlusion", COMMAND, parse)


def save_occlusion(folder: Path, network: OcclusionNet) -> None:
    """Write a network, whole or not at all."""
    save_config(folder, network)
    tensors = {name: value for name, value in network.state_dict().items() if not name.endswith(BATCH_COUNT)}
    save_weights(folder / WEIGHTS, tensors)


def load_occlusion(folder: str | Path | None = None) -> OcclusionNet:
    """A trained network in evaluation mode, on the CPU; None loads the one that ships.

    Raises:
        ModelError: missing, damaged, of another kind or a newer version.
    """
    folder = get_shipped_folder("occlusion") if folder is None else Path(folder)
    widths = load_config(folder)
    require_weights(folder / WEIGHTS, COMMAND)
    network = OcclusionNet(widths)
    load_weights(folder / WEIGHTS, network, optional=(BATCH_COUNT,))
    LOG.info("loaded the occlusion network %s", folder)
    return network
