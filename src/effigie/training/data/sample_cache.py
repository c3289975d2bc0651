"""Examples that cost as much to make as to train on: made a few at a time, and used again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from effigie.training.data.sample_key import Slot

Example = TypeVar("Example")
FIRST = 2  # examples that a lane begins with


class Pool(Generic[Example]):
    """A growing store of examples in lanes: some are made anew at every step, the rest are used again.

    Making every one anew would starve the networks on two cores, making all of them beforehand would delay the start.
    Every place in a batch has a lane of its own, and what a lane holds at a step depends on the seed alone: however
    many processes share the lanes, and whether training was stopped in between, the batches are the same. What is not
    there yet, as after a stop, is made when it is drawn.

    Args:
        make: an example, by a generator of random numbers.
        lanes: examples that a whole batch draws.
        most: examples that all lanes keep together; or, of the first one made, how many of its kind.
        fresh: made anew a step, by all lanes together.
        renewed: whether new ones take the place of the oldest once there are ``most``.
    """

    def __init__(
        self,
        make: Callable[[np.random.Generator], Example],
        lanes: int,
        most: int | Callable[[Example], int],
        fresh: int,
        renewed: bool = True,
    ) -> None:
        self._make, self._lanes, self._most, self._fresh, self._renewed = make, lanes, most, fresh, renewed
        self._examples: dict[int, dict[int, Example]] = {}

    def draw(self, lane: int, slot: Slot, random: np.random.Generator) -> Example:
        """An example of lane ``lane`` for the step of ``slot``, chosen by ``random``."""
        kept = self._examples.setdefault(lane, {})
        if not isinstance(self._most, int):
            # Not kept: whether this is the first draw of a run or of what a stop left must not matter.
            self._most = self._most(self._made(slot.seed, lane, 0))
        most = max(FIRST, self._most // self._lanes)
        made = FIRST + (slot.step * self._fresh + lane) // self._lanes
        if not self._renewed:
            made = min(made, most)
        oldest = max(0, made - most)
        for number in [number for number in kept if number < oldest]:
            del kept[number]
        chosen = int(random.integers(oldest, made))
        if chosen not in kept:
            kept[chosen] = self._made(slot.seed, lane, chosen)
        return kept[chosen]

    def _made(self, seed: int, lane: int, number: int) -> Example:
        return self._make(np.random.default_rng((seed, lane, number)))
