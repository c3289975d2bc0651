"""Peak rate of matrix multiplication on this machine: the limit that training is measured against.

Unit: floating-point operations a second, a multiplication and an addition counting two.

What fools it: libraries differ. torch multiplies float32 matrices with MKL, which on some processors reaches less than
half of what convolutions of the same type do with oneDNN; the bfloat16 peak has no such gap.
"""

from __future__ import annotations

import time

import torch

SIZES = (512, 1024, 2048)
SECONDS = 0.5  # a size and turn
ROUNDS = 2


def matrix_peak(
    dtype: torch.dtype, device: torch.device | None = None, seconds: float = SECONDS, rounds: int = ROUNDS
) -> float:
    """The best of several sizes of square matrices, with as many threads as torch has now.

    Args:
        seconds: spent on each size and turn.
        rounds: rounds through the sizes; the best counts, so that others at work disturb little.
    """
    device = device or torch.device("cpu")
    best = 0.0
    for _ in range(rounds):
        for size in SIZES:
            one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
            one @ other
            until = time.perf_counter() + seconds
            while time.perf_counter() < until:
                begun = time.perf_counter()
                product = one @ other
                if device.type != "cpu":
                    product[0, 0].item()  # waits for it
                best = max(best, 2 * size**3 / (time.perf_counter() - begun))
    return best
