"""Sums, norms and random numbers of a whole batch, whichever part of it this process holds.

A task's losses are means over its own part of the batch; the loop takes the mean of the processes' gradients. For a
mean of as many examples everywhere that is the whole batch's already. What is not such a mean goes through here.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from effigie.training.process_group import collective, world

BUCKET = 1 << 23
"""Numbers that travel at once: 32 MB. The next are gathered meanwhile."""


def weighted_mean(values: Tensor, weights: Tensor, least: float = 0.0) -> Tensor:
    """Mean of ``values``, weighted, over the whole batch: this process's part, so that the parts' mean is it.

    Args:
        values: any shape.
        weights: of a shape that broadcasts to that of ``values``, as many numbers in every process; no gradient.
        least: what the sum of the weights is raised to.
    """
    total = summed(weights.detach().float().sum())
    if least:
        total = total.clamp(min=least)
    return (values * weights).sum() * (world().size / total)


def length(gradients: Tensor) -> Tensor:
    """L2 norm of a gradient at the whole batch's examples, of which ``gradients`` are those of this process's loss."""
    size = world().size
    if size == 1:
        return gradients.float().norm()
    return summed(gradients.float().square().sum()).sqrt() / size


def drawn(draw: Callable[[int], Tensor], count: int) -> Tensor:
    """The part of ``draw(size)`` random numbers that belongs to this process's ``count`` examples.

    Torch's generator has the same state in all processes: each draws for the whole batch and takes its part.
    """
    here = world()
    whole = draw(count * here.size)
    return whole[here.rank * count : (here.rank + 1) * count]


def summed(value: Tensor) -> Tensor:
    """The sum over all processes; no gradient."""
    if world().size == 1:
        return value
    total = value.detach().clone()
    collective(lambda: dist.all_reduce(total))
    return total


def averaged(value: Tensor) -> Tensor:
    """The mean over all processes; no gradient."""
    return summed(value) / world().size if world().size > 1 else value


def average_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Put the mean of all processes' gradients in the place of each one's own."""
    size = world().size
    if size == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    travelling = []
    for bucket in _buckets(gradients):
        flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
        work = collective(lambda flat=flat: dist.all_reduce(flat, async_op=True))  # type: ignore[misc]
        travelling.append((bucket, flat, work))
    for bucket, flat, work in travelling:
        collective(work.wait)
        parts = torch.split(flat.div_(size), [gradient.numel() for gradient in bucket])
        torch._foreach_copy_(
            bucket, [part.view(gradient.shape) for part, gradient in zip(parts, bucket, strict=True)]
        )


def _buckets(gradients: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    for gradient in gradients:
        if bucket and sum(g.numel() for g in bucket) + gradient.numel() > BUCKET:
            yield bucket
            bucket = []
        bucket.append(gradient)
    if bucket:
        yield bucket


@contextlib.contextmanager
def whole_batch_norms(networks: Mapping[str, nn.Module]) -> Iterator[None]:
    """Batch norms that normalise by the whole batch while they train."""
    norms: list[nn.modules.batchnorm._BatchNorm] = []
    if world().size > 1:
        modules = nn.ModuleDict(networks).modules()
        norms = [module for module in modules if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        # On the module itself: its class, and whoever asks for that, stay as they are.
        norm.forward = functools.partial(_normalized, norm)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for norm in norms:
            del norm.forward


def _normalized(norm: nn.modules.batchnorm._BatchNorm, x: Tensor) -> Tensor:
    if not norm.training:
        return type(norm).forward(norm, x)
    dims = [dim for dim in range(x.ndim) if dim != 1]
    shape = [1, -1] + [1] * (x.ndim - 2)
    count = x.numel() / x.shape[1] * world().size
    exact = x.float()
    mean = _Sum.apply(exact.sum(dims)) / count  # type: ignore[no-untyped-call]
    centered = exact - mean.view(shape)
    variance = _Sum.apply(centered.square().sum(dims)) / count  # type: ignore[no-untyped-call]
    _note(norm, mean.detach(), variance.detach() * (count / max(count - 1, 1)))
    made = centered * (variance.view(shape) + norm.eps).rsqrt()
    if norm.affine:
        made = made * norm.weight.view(shape) + norm.bias.view(shape)
    return made.to(x.dtype)


@torch.no_grad()
def _note(norm: nn.modules.batchnorm._BatchNorm, mean: Tensor, variance: Tensor) -> None:
    if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
        return
    norm.num_batches_tracked.add_(1)
    part = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean, part)
    norm.running_var.lerp_(variance, part)


class _Sum(torch.autograd.Function):
    """The sum over all processes, whose gradients come from all of them too."""

    @staticmethod
    def forward(context: Any, value: Tensor) -> Tensor:
        return summed(value)

    @staticmethod
    def backward(context: Any, *outgoing: Tensor) -> Tensor:
        return summed(outgoing[0])
