"""Reductions over the process group: sums, means, gradients and random numbers of the whole batch.

A task's losses are means over its own shard of the batch; the loop takes the mean of the processes' gradients. For a
mean of as many examples everywhere that is the whole batch's already. What is not such a mean goes through here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from effigie.training.process_group import current_rank_info, run_collective

BUCKET_NUMEL = 1 << 23
"""Numbers reduced at once (32 MB), while the next bucket is gathered."""


def weighted_mean(values: Tensor, weights: Tensor, min_total: float = 0.0) -> Tensor:
    """Weighted mean over the whole batch, as this process's contribution: the mean of all contributions is the mean.

    Args:
        values: any shape.
        weights: of a shape that broadcasts to that of ``values``, as many numbers in every process; no gradient.
        min_total: what the sum of the weights is raised to.
    """
    total = all_reduce_sum(weights.detach().float().sum())
    if min_total:
        total = total.clamp(min=min_total)
    return (values * weights).sum() * (current_rank_info().size / total)


def compute_gradient_norm(gradients: Tensor) -> Tensor:
    """L2 norm of a gradient at the whole batch's examples, of which ``gradients`` are those of this process's loss."""
    size = current_rank_info().size
    if size == 1:
        return gradients.float().norm()
    return all_reduce_sum(gradients.float().square().sum()).sqrt() / size


def draw_shard(draw: Callable[[int], Tensor], count: int) -> Tensor:
    """This process's ``count`` random numbers out of those of the whole batch, ``draw(count * world size)``.

    Torch's generator has the same state in all processes: each draws for the whole batch and takes its shard.
    """
    world = current_rank_info()
    values = draw(count * world.size)
    return values[world.rank * count : (world.rank + 1) * count]


def all_reduce_sum(value: Tensor) -> Tensor:
    """The sum over all processes; no gradient."""
    if current_rank_info().size == 1:
        return value
    total = value.detach().clone()
    run_collective(lambda: dist.all_reduce(total))
    return total


def all_reduce_mean(value: Tensor) -> Tensor:
    """The mean over all processes; no gradient."""
    return all_reduce_sum(value) / current_rank_info().size if current_rank_info().size > 1 else value


def all_reduce_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Replace the gradients by their mean over all processes, in buckets."""
    size = current_rank_info().size
    if size == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    pending = []
    for bucket in _buckets(gradients):
        flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
        work = run_collective(lambda flat=flat: dist.all_reduce(flat, async_op=True))  # type: ignore[misc]
        pending.append((bucket, flat, work))
    for bucket, flat, work in pending:
        run_collective(work.wait)
        parts = torch.split(flat.div_(size), [gradient.numel() for gradient in bucket])
        torch._foreach_copy_(bucket, [part.view(gradient.shape) for part, gradient in zip(parts, bucket, strict=True)])


def _buckets(gradients: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    for gradient in gradients:
        if bucket and sum(g.numel() for g in bucket) + gradient.numel() > BUCKET_NUMEL:
            yield bucket
            bucket = []
        bucket.append(gradient)
    if bucket:
        yield bucket
