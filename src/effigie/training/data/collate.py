"""Collation of examples into a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def collate(examples: Sequence[Any], names: Iterable[str]) -> dict[str, np.ndarray]:
    """The arrays or numbers of these names that all examples have, stacked."""
    return {name: np.stack([getattr(example, name) for example in examples]) for name in names}
