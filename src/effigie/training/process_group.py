"""The process group of distributed training: joining and leaving it, broadcasts, and errors passed on to all ranks.

The processes are started by ``torchrun``, on one machine or several, or by ``--devices``
(:mod:`effigie.execution.launch`), and find each other by the variables that torchrun sets. Rank 0 alone reads and
writes files.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from effigie.errors import CancelledError, DistributedError, EffigieError
from effigie.execution.launch import RankInfo, read_rank_info

START_TIMEOUT_S = 120.0
"""Seconds within which all processes must have joined."""
COLLECTIVE_TIMEOUT_S = 1800.0
"""Seconds that a collective waits for a process that does not answer: rank 0 evaluates while the others wait."""
SHUTDOWN_TIMEOUT_S = 5.0
"""Seconds that rank 0 waits for the others to read the error, and they for it to be written."""
Value = TypeVar("Value")


@dataclass
class _ProcessGroup:
    rank_info: RankInfo
    store: Any
    number: int

    def key(self, name: str) -> str:
        return f"effigie/{self.number}/{name}"


_store: Any = None  # lives as long as the process: others may still have to read in it
_group_count = 0
_group: _ProcessGroup | None = None
SINGLE_PROCESS = RankInfo(0, 1, 0, 1)


def current_rank_info() -> RankInfo:
    """This process's rank and the world size; a world of one process outside of :func:`join_process_group`."""
    return SINGLE_PROCESS if _group is None else _group.rank_info


@contextlib.contextmanager
def join_process_group(start_timeout_s: float = START_TIMEOUT_S) -> Iterator[RankInfo]:
    """Join the other processes, and leave them at the end; does nothing in a single process or inside a group.

    An exception that leaves this block ends the others too: theirs is a :class:`DistributedError` with its message.
    """
    global _group
    announcement = read_rank_info(os.environ)
    if _group is not None or announcement.size == 1:
        yield current_rank_info()
        return
    _group = _init_group(announcement, start_timeout_s)
    failure: BaseException | None = None
    try:
        yield announcement
    except BaseException as error:
        failure = error
        raise
    finally:
        group, _group = _group, None
        _destroy_group(group, failure)


def all_reduce_max(value: int) -> int:
    """The largest ``value`` of any process."""
    if _group is None:
        return value
    largest = torch.tensor(value)
    run_collective(lambda: dist.all_reduce(largest, dist.ReduceOp.MAX))
    return int(largest)


def broadcast_result(function: Callable[[], Value]) -> Value:
    """Call ``function`` on rank 0 alone, and return its result (JSON values) everywhere."""
    if _group is None:
        return function()
    if _group.rank_info.is_leader:
        value = function()  # an error leaves the group, and so ends the others
        _broadcast_bytes(json.dumps(value).encode())
    else:
        value = json.loads(_broadcast_bytes(b""))
    return value


def broadcast_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The dense CPU tensors of rank 0; those of the others are ignored."""
    if _group is None:
        return dict(tensors)
    mine = tensors if _group.rank_info.is_leader else {}
    listed = [(n, str(t.dtype).removeprefix("torch."), list(t.shape)) for n, t in mine.items()]
    received: dict[str, Tensor] = {}
    for name, dtype, shape in broadcast_result(lambda: listed):
        tensor = mine[name] if _group.rank_info.is_leader else torch.empty(shape, dtype=getattr(torch, dtype))
        if tensor.numel():
            flat = tensor.reshape(-1).view(torch.uint8)
            run_collective(lambda flat=flat: dist.broadcast(flat, 0))  # type: ignore[misc]
        received[name] = tensor
    return received


def run_collective(call: Callable[[], Any]) -> Any:
    """Run a collective operation; where another process is gone, raise its error.

    Raises:
        DistributedError: one has failed, or does not answer.
        CancelledError: one was stopped.
    """
    try:
        return call()
    except RuntimeError as error:  # of torch.distributed: a connection was closed, or nobody answers
        raise _explain_failure(error) from error


def _init_group(world: RankInfo, start_timeout_s: float) -> _ProcessGroup:
    global _store, _group_count
    _group_count += 1
    try:
        if _store is None:
            _store, _, _ = next(rendezvous("env://", timeout=timedelta(seconds=start_timeout_s)))
        _store.set_timeout(timedelta(seconds=start_timeout_s))
        nccl = torch.cuda.is_available() and dist.is_nccl_available()
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if nccl else "gloo",
            store=PrefixStore(f"group{_group_count}", _store),
            rank=world.rank,
            world_size=world.size,
            timeout=timedelta(seconds=COLLECTIVE_TIMEOUT_S),
        )
        # The first collective uses all connections: a process that is missing is noticed here.
        probe = torch.ones(())
        work: Any = dist.all_reduce(probe, async_op=True)
        work.wait(timedelta(seconds=start_timeout_s))
    except (RuntimeError, ValueError, OSError) as error:
        if dist.is_initialized():
            dist.destroy_process_group()
        reason = str(error).strip().splitlines() or ["no reason given"]
        raise EffigieError(
            f"{world.size} processes were announced, but did not all come within {start_timeout_s:.0f} s "
            f"(process {world.rank} waited; {reason[0][:120]}): start all of them, and see that MASTER_ADDR and "
            "MASTER_PORT lead to the first"
        ) from error
    return _ProcessGroup(world, _store, _group_count)


def _destroy_group(group: _ProcessGroup, failure: BaseException | None) -> None:
    """Leave the group; the first error is written into the store for the others."""
    with contextlib.suppress(RuntimeError):  # the store's host is gone
        if failure is not None and not isinstance(failure, DistributedError):
            record = {"rank": group.rank_info.rank, "message": _error_message(failure)}
            record["stopped"] = isinstance(failure, (CancelledError, KeyboardInterrupt))
            if group.store.add(group.key("failures"), 1) == 1:
                group.store.set(group.key("failure"), json.dumps(record))
            elif isinstance(failure, EffigieError):
                first = json.loads(group.store.get(group.key("failure")))
                failure.is_reported = first["message"] == record["message"]
    dist.destroy_process_group()
    if failure is None or (isinstance(failure, DistributedError) and not failure.is_reported):
        return
    with contextlib.suppress(RuntimeError):
        count = group.store.add(group.key("gone"), 1)
        deadline = time.monotonic() + SHUTDOWN_TIMEOUT_S
        # The leader may be the host of the store, where the others are about to read what happened.
        while group.rank_info.is_leader and count < group.rank_info.size and time.monotonic() < deadline:
            time.sleep(0.05)
            count = group.store.add(group.key("gone"), 0)


def _error_message(error: BaseException) -> str:
    return str(error) if isinstance(error, EffigieError) else f"{type(error).__name__}: {error}"


def _explain_failure(error: RuntimeError) -> EffigieError:
    assert _group is not None
    deadline = time.monotonic() + SHUTDOWN_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            if _group.store.check([_group.key("failure")]):
                record = json.loads(_group.store.get(_group.key("failure")))
                if record["stopped"]:
                    return CancelledError(record["message"])
                return DistributedError(
                    f"process {record['rank']} of {_group.rank_info.size}: {record['message']}", True
                )
        except RuntimeError:
            break
        time.sleep(0.05)
    reason = (str(error).strip().splitlines() or [""])[0][:120]
    return DistributedError(
        f"another of the {_group.rank_info.size} processes ended or fell silent without a word, killed perhaps for "
        f"want of memory ({reason}); run the same command again to go on from the last checkpoint",
        False,
    )


def _broadcast_bytes(data: bytes) -> bytes:
    length = torch.tensor(len(data))
    run_collective(lambda: dist.broadcast(length, 0))
    content = torch.zeros(int(length), dtype=torch.uint8)
    if current_rank_info().is_leader:
        content = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    run_collective(lambda: dist.broadcast(content, 0))
    return content.numpy().tobytes()
