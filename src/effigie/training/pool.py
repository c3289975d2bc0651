"""Examples that cost as much to make as to train on: made a few at a time, and used again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

Example = TypeVar("Example")


class Pool(Generic[Example]):
    """A growing store of examples: some are made anew at every step, the rest are used again.

    Making every one anew would starve the networks on two cores, making all of them beforehand would delay the start.

    Args:
        make: an example, by a generator of random numbers.
        most: examples kept; or, of the first one made, how many of its kind.
        fresh: made anew a draw.
    """

    def __init__(
        self,
        make: Callable[[np.random.Generator], Example],
        most: int | Callable[[Example], int],
        fresh: int,
    ) -> None:
        self._make, self._most, self._fresh = make, most, fresh
        self._examples: list[Example] = []
        self._next = 0

    def draw(self, count: int, random: np.random.Generator) -> list[Example]:
        """``count`` examples, after adding fresh ones."""
        for _ in range(self._fresh if len(self._examples) >= count else 2 * count):
            example = self._make(random)
            if not isinstance(self._most, int):
                self._most = self._most(example)
            if len(self._examples) < self._most:
                self._examples.append(example)
            else:
                self._examples[self._next % self._most] = example
            self._next += 1
        return [self._examples[int(i)] for i in random.integers(0, len(self._examples), count)]
