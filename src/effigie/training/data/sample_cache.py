"""Cache of training samples that cost as much to make as to train on: a few new ones a step, the rest reused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from effigie.training.data.sample_key import SampleKey

Sample = TypeVar("Sample")
INITIAL_SAMPLES = 2  # in each shard at the start


class SampleCache(Generic[Sample]):
    """A growing cache of samples in shards: some are made anew at every step, the rest are reused.

    Making every one anew would starve the networks on two cores, making all of them beforehand would delay the start.
    Every place in a batch has a shard of its own, and what a shard holds at a step depends on the seed alone: however
    many processes share the shards, and whether training was stopped in between, the batches are the same. What is not
    there yet, as after a stop, is made when it is drawn.

    Args:
        make: makes a sample from a generator of random numbers.
        shards: samples that a whole batch draws.
        capacity: samples that all shards keep together, or a function of the first sample that gives it.
        new_per_step: samples made anew a step, by all shards together.
        replace_oldest: whether new ones replace the oldest once there are ``capacity``.
    """

    def __init__(
        self,
        make: Callable[[np.random.Generator], Sample],
        shards: int,
        capacity: int | Callable[[Sample], int],
        new_per_step: int,
        replace_oldest: bool = True,
    ) -> None:
        self._make, self._shards, self._capacity = make, shards, capacity
        self._new_per_step, self._replace_oldest = new_per_step, replace_oldest
        self._samples: dict[int, dict[int, Sample]] = {}

    def draw(self, shard: int, sample_key: SampleKey, random: np.random.Generator) -> Sample:
        """A sample of ``shard`` for the step of ``sample_key``, chosen by ``random``."""
        samples = self._samples.setdefault(shard, {})
        if not isinstance(self._capacity, int):
            # Not kept: whether this is the first draw of a run or of what a stop left must not matter.
            self._capacity = self._capacity(self._make_sample(sample_key.seed, shard, 0))
        capacity = max(INITIAL_SAMPLES, self._capacity // self._shards)
        sample_count = INITIAL_SAMPLES + (sample_key.step * self._new_per_step + shard) // self._shards
        if not self._replace_oldest:
            sample_count = min(sample_count, capacity)
        oldest = max(0, sample_count - capacity)
        for number in [number for number in samples if number < oldest]:
            del samples[number]
        index = int(random.integers(oldest, sample_count))
        if index not in samples:
            samples[index] = self._make_sample(sample_key.seed, shard, index)
        return samples[index]

    def _make_sample(self, seed: int, shard: int, number: int) -> Sample:
        return self._make(np.random.default_rng((seed, shard, number)))
