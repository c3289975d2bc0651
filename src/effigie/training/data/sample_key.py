"""Keys of a batch's samples: each seeds its own random numbers, so that processes can share a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effigie.errors import UsageError


@dataclass(frozen=True)
class SampleKey:
    """One part of a batch: its random numbers depend on these alone, whichever process makes it.

    Attributes:
        seed, order: of the run; a roll-back takes another order.
        step: optimiser steps done before this batch.
        number: place in the batch, from 0.
    """

    seed: int
    order: int
    step: int
    number: int

    def random(self) -> np.random.Generator:
        """A fresh generator, the same at every call."""
        return np.random.default_rng((self.seed, self.order, self.step, self.number))


def make_sample_keys(seed: int, order: int, step: int, numbers: range) -> list[SampleKey]:
    """The keys of a batch that have these numbers."""
    return [SampleKey(seed, order, step, number) for number in numbers]


def shard_range(rank: int, size: int, parts: int, examples: int) -> range:
    """Numbers of the keys that process ``rank`` of ``size`` makes and learns from: as many as every other.

    Args:
        parts: keys of a batch.
        examples: pictures of a batch, for the message.
    """
    if parts % size:
        step = examples // parts * size
        choices = [str(n) for n in (examples // step * step, (examples // step + 1) * step) if n]
        raise UsageError(
            f"a batch of {examples} cannot be divided evenly among {size} processes: choose {' or '.join(choices)}"
        )
    count = parts // size
    return range(rank * count, (rank + 1) * count)
