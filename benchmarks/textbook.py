"""The face-swap autoencoder of 2017: the baseline of training.

A shared encoder of 5x5 stride-2 convolutions (128, 256, 512, 1024 channels, LeakyReLU 0.1), a dense
bottleneck of 1024, a dense layer back to a map of 1024 channels and one pixel-shuffle step to 512; a
decoder a person of pixel-shuffle steps to 256, 128 and 64 and a 5x5 convolution with a sigmoid. L1 loss,
Adam at 5e-5 with betas 0.5 and 0.999, float32.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from effigie.nn.images import to_float
from effigie.swap.network import DecoderOutput
from effigie.swap.task import SwapTask
from effigie.training.data.prefetcher import BatchPrefetcher
from effigie.training.data.sample_key import make_sample_keys

SLOPE = 0.1
BOTTLENECK = 1024
LEARNING_RATE = 5e-5
BETAS = (0.5, 0.999)


def downsample_block(inputs: int, outputs: int) -> nn.Sequential:
    """(B, inputs, S, S) -> (B, outputs, S/2, S/2)."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 5, stride=2, padding=2), nn.LeakyReLU(SLOPE))


def upsample_block(inputs: int, outputs: int) -> nn.Sequential:
    """(B, inputs, S, S) -> (B, outputs, 2 S, 2 S)."""
    return nn.Sequential(nn.Conv2d(inputs, 4 * outputs, 3, padding=1), nn.LeakyReLU(SLOPE), nn.PixelShuffle(2))


class TextbookNet(nn.Module):
    """One encoder, a decoder a person; called like :class:`effigie.swap.network.SwapNet` without a prior.

    Args:
        size: side of the pictures in pixels, a multiple of 16.
    """

    def __init__(self, size: int = 128) -> None:
        super().__init__()
        side = size // 16
        self.encoder = nn.Sequential(
            downsample_block(3, 128),
            downsample_block(128, 256),
            downsample_block(256, 512),
            downsample_block(512, 1024),
            nn.Flatten(),
            nn.Linear(1024 * side**2, BOTTLENECK),
            nn.Linear(BOTTLENECK, 1024 * side**2),
            nn.Unflatten(1, (1024, side, side)),
            upsample_block(1024, 512),
        )
        self.source, self.target = self._decoder(), self._decoder()

    @staticmethod
    def _decoder() -> nn.Sequential:
        return nn.Sequential(
            upsample_block(512, 256),
            upsample_block(256, 128),
            upsample_block(128, 64),
            nn.Conv2d(64, 3, 5, padding=2),
            nn.Sigmoid(),
        )

    def forward(self, picture: Tensor, prior: Tensor | None, person: str) -> DecoderOutput:
        """Decode (B, 3, S, S) in [0, 1] as ``source`` or ``target``; a prior is not looked at."""
        made = (self.source if person == "source" else self.target)(self.encoder(picture))
        return DecoderOutput(made, torch.zeros_like(made[:, :1]))


class TextbookTask:
    """The pictures and batches of a swap task, with the loss of 2017: mean absolute difference."""

    def __init__(self, task: SwapTask, network: TextbookNet) -> None:
        self._task, self._network = task, network

    def batch(self, step: int, seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
        """The swap task's own batch."""
        return self._task.batch(make_sample_keys(seed, 0, step, range(self._task.parts)))

    def losses(self, batch: Mapping[str, Mapping[str, Tensor]], step: int) -> dict[str, Tensor]:
        """L1 over the whole picture, the mean of both people."""
        terms = [
            F.l1_loss(self._network(to_float(arrays["input"]), None, person).picture, to_float(arrays["picture"]))
            for person, arrays in batch.items()
        ]
        return {"l1": torch.stack(terms).mean()}


def train_textbook(task: TextbookTask, network: TextbookNet, keep_going: Callable[[int], bool], seed: int = 0) -> int:
    """Train in float32 until ``keep_going`` says no; the steps done.

    The bare loop, without averaged weights, checkpoints or a guard: whatever those cost is not held against
    it.

    Args:
        keep_going: asked with the number of steps done, before every step.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, betas=BETAS)
    batches = BatchPrefetcher(lambda step: task.batch(step, seed), 0)
    network.train()
    try:
        for step in itertools.count():
            if not keep_going(step):
                return step
            batch = _tensors(batches.next())
            loss = task.losses(batch, step)["l1"]
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
    finally:
        batches.close()
    raise AssertionError("unreachable")


def _tensors(batch: dict[str, dict[str, np.ndarray]]) -> dict[str, dict[str, Tensor]]:
    return {
        person: {name: torch.from_numpy(array) for name, array in arrays.items()} for person, arrays in batch.items()
    }
