"""What the training loop trains when it learns what covers a face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from effigie.occlusion.dataset import Example, Painter
from effigie.occlusion.network import OcclusionNet
from effigie.training.data.sample_cache import Pool
from effigie.training.data.sample_key import Slot
from effigie.training.distributed import weighted_mean

POOL = 4000  # examples kept, 130 KB each
PREVIEW = 12
COVERED = 1.6  # how much more a covered pixel counts: they are fewer
EDGE = 2.0  # and one whose neighbours are otherwise, on top


class OcclusionTask:
    """Trains the network on painted faces.

    Args:
        network: to be trained.
        painter: of faces to learn from.
        batch: examples a step.
        held_out: examples of faces not trained on.
        fresh: examples made anew a step; the rest are used again.
    """

    def __init__(
        self, network: OcclusionNet, painter: Painter, batch: int, held_out: Sequence[Example], fresh: int = 8
    ) -> None:
        self._network = network
        self.examples = self.parts = batch
        self._pool = Pool(painter.make, batch, POOL, min(fresh, batch))
        self._held_out = stacked(held_out)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"occlusion": self._network}

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self._network.parameters())}]

    def batch(self, slots: Sequence[Slot]) -> dict[str, np.ndarray]:
        """uint8 pictures, channels last."""
        return stacked([self._pool.draw(slot.number, slot, slot.random()) for slot in slots])

    def losses(self, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        """Cross entropy with the visible share of every pixel that is known."""
        return {"entropy": entropy(self._network(inputs_of(batch)), batch["visible"], batch["weight"])}

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Of faces held out: 1 - IoU of what is seen and of what is covered, their mean, and false holes."""
        batch = {name: torch.from_numpy(array) for name, array in self._held_out.items()}
        said = run(networks["occlusion"], batch)
        known = batch["weight"][..., 0] > 0
        true = batch["visible"][..., 0] > 127
        seen = overlap(said & known, true & known)
        covered = overlap(~said & known, ~true & known)
        holes = float((~said & true & known).sum() / (true & known).sum())
        return {"error": 1 - (seen + covered) / 2, "seen": 1 - seen, "covered": 1 - covered, "holes": holes}

    def preview(self, networks: Mapping[str, nn.Module]) -> np.ndarray:
        """Rows of a picture, what is to be seen, and what the network says."""
        batch = {name: torch.from_numpy(array[:PREVIEW]) for name, array in self._held_out.items()}
        with torch.inference_mode():
            device = next(networks["occlusion"].parameters()).device
            share = torch.sigmoid(networks["occlusion"](inputs_of(batch).to(device)).float()).cpu().numpy()
        pictures = self._held_out["picture"][:PREVIEW]
        true = self._held_out["visible"][:PREVIEW]
        columns = []
        for picture, label, said in zip(pictures, true, share, strict=True):
            columns.append(np.vstack([picture, shown(picture, label[..., 0] / 255), shown(picture, said[0])]))
        return np.hstack(columns)


def shown(picture: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """(S, S, 3) uint8: the picture, red where it is said to be covered."""
    red = np.array([255, 0, 0], np.float32)
    share = 0.6 * (1 - visible)[..., None]
    return np.asarray(picture * (1 - share) + red * share, np.uint8)


def stacked(examples: Sequence[Example]) -> dict[str, np.ndarray]:
    """A batch of arrays (B, SIZE, SIZE, C) uint8 by the names of :class:`Example`."""
    return {
        "picture": np.stack([example.picture for example in examples]),
        "drawing": np.stack([example.drawing for example in examples]),
        "visible": np.stack([example.visible[..., None] for example in examples]),
        "weight": np.stack([example.weight[..., None] for example in examples]),
    }


def inputs_of(batch: Mapping[str, Tensor]) -> Tensor:
    """(B, 5, S, S) in 0..1, channels last in memory."""
    joined = torch.cat([batch["picture"], batch["drawing"]], dim=3)
    return joined.permute(0, 3, 1, 2).float() / 255


def entropy(logits: Tensor, visible: Tensor, weight: Tensor) -> Tensor:
    """Mean over the known pixels; covered ones and edges count more.

    Args:
        logits: (B, 1, S, S).
        visible, weight: (B, S, S, 1) uint8.
    """
    true = visible.permute(0, 3, 1, 2).float() / 255
    known = weight.permute(0, 3, 1, 2).float() / 255
    low = -nn.functional.max_pool2d(-true, 5, 1, 2)
    edge = nn.functional.max_pool2d(true, 5, 1, 2) - low
    counted = known * (1 + (COVERED - 1) * (1 - true) + EDGE * edge)
    each = nn.functional.binary_cross_entropy_with_logits(logits.float(), true, reduction="none")
    return weighted_mean(each, counted, 1)


def run(network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    """(N, S, S) bool: where the network says that the face is seen; 32 pictures at a time."""
    device = next(network.parameters()).device
    with torch.inference_mode():
        parts = [
            network(part.to(device))[:, 0].float().cpu() > 0 for part in torch.split(inputs_of(batch), 32)
        ]
    return torch.cat(parts)


def overlap(one: Tensor, other: Tensor) -> float:
    """Intersection over union; 1 where both are empty."""
    union = float((one | other).sum())
    return float((one & other).sum()) / union if union else 1.0
