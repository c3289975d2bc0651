"""The processes that train together: how they meet, agree, tell each other what went wrong, and part.

Who started them does not matter: ``torchrun``, on one machine or several, or ``--devices`` (``scale/launch.py``). All
know each other by the variables that torchrun sets. Process 0 leads: it alone reads and writes files.
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

from effigie.errors import Cancelled, EffigieError, PeerError
from effigie.execution.launch import World, announced

START_S = 120.0
"""Seconds until all must have come."""
SILENCE_S = 1800.0
"""Seconds that the others wait for one that does not answer; the leader evaluates meanwhile."""
LAST_WORDS_S = 5.0
Value = TypeVar("Value")


@dataclass
class _Meeting:
    world: World
    store: Any
    number: int

    def key(self, name: str) -> str:
        return f"effigie/{self.number}/{name}"


_store: Any = None  # lives as long as the process: others may still have to read in it
_met = 0
_meeting: _Meeting | None = None
ALONE = World(0, 1, 0, 1)


def world() -> World:
    """Who trains together now; a world of one outside of :func:`joined`."""
    return ALONE if _meeting is None else _meeting.world


@contextlib.contextmanager
def joined(start_s: float = START_S, silence_s: float = SILENCE_S) -> Iterator[World]:
    """Meet the other processes, and part at the end; does nothing where there are none, or they have met already.

    An exception that leaves this block ends the others too: theirs is a :class:`PeerError` with its message.

    Args:
        start_s: how long to wait for the others to come.
        silence_s: how long to wait for an answer of theirs afterwards.

    Raises:
        UsageError: the environment announces other processes, but not completely.
        EffigieError: not all have come.
    """
    global _meeting
    announcement = announced(os.environ)
    if _meeting is not None or announcement.size == 1:
        yield world()
        return
    _meeting = _meet(announcement, start_s, silence_s)
    failure: BaseException | None = None
    try:
        yield announcement
    except BaseException as error:
        failure = error
        raise
    finally:
        meeting, _meeting = _meeting, None
        _part(meeting, failure)


def agreed(own: int) -> int:
    """The largest number that any process says."""
    if _meeting is None:
        return own
    said = torch.tensor(own)
    collective(lambda: dist.all_reduce(said, dist.ReduceOp.MAX))
    return int(said)


def led(function: Callable[[], Value]) -> Value:
    """What ``function``, which only the leader calls, returns (JSON values).

    Raises:
        PeerError: it failed; the leader raises the error itself.
    """
    if _meeting is None:
        return function()
    if _meeting.world.leader:
        value = function()  # an error leaves the meeting, and so ends the others
        _share_bytes(json.dumps(value).encode())
        return value
    value = json.loads(_share_bytes(b""))
    return value


def share_tensors(tensors: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
    """The leader's dense CPU tensors; what the others give is not looked at."""
    if _meeting is None:
        return dict(tensors or {})
    mine = dict(tensors or {}) if _meeting.world.leader else {}
    listed = [(n, str(t.dtype).removeprefix("torch."), list(t.shape)) for n, t in mine.items()]
    received: dict[str, Tensor] = {}
    for name, dtype, shape in led(lambda: listed):
        tensor = mine[name] if _meeting.world.leader else torch.empty(shape, dtype=getattr(torch, dtype))
        if tensor.numel():
            flat = tensor.reshape(-1).view(torch.uint8)
            collective(lambda flat=flat: dist.broadcast(flat, 0))  # type: ignore[misc]
        received[name] = tensor
    return received


def collective(call: Callable[[], Any]) -> Any:
    """Run what needs all processes; where one of them is gone, say who and why.

    Raises:
        PeerError: one has failed, or does not answer.
        Cancelled: one was stopped.
    """
    try:
        return call()
    except RuntimeError as error:  # of torch.distributed: a connection was closed, or nobody answers
        raise _lost(error) from error


def _meet(world: World, start_s: float, silence_s: float) -> _Meeting:
    global _store, _met
    _met += 1
    try:
        if _store is None:
            _store, _, _ = next(rendezvous("env://", timeout=timedelta(seconds=start_s)))
        _store.set_timeout(timedelta(seconds=start_s))
        nccl = torch.cuda.is_available() and dist.is_nccl_available()
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if nccl else "gloo",
            store=PrefixStore(f"group{_met}", _store),
            rank=world.rank,
            world_size=world.size,
            timeout=timedelta(seconds=silence_s),
        )
        # The first word goes through all connections: whoever is missing is missed here.
        came = torch.ones(())
        work: Any = dist.all_reduce(came, async_op=True)
        work.wait(timedelta(seconds=start_s))
    except (RuntimeError, ValueError, OSError) as error:
        if dist.is_initialized():
            dist.destroy_process_group()
        reason = str(error).strip().splitlines() or ["no reason given"]
        raise EffigieError(
            f"{world.size} processes were announced, but did not all come within {start_s:.0f} s "
            f"(process {world.rank} waited; {reason[0][:120]}): start all of them, and see that MASTER_ADDR and "
            "MASTER_PORT lead to the first"
        ) from error
    return _Meeting(world, _store, _met)


def _part(meeting: _Meeting, failure: BaseException | None) -> None:
    """Leave the others; what went wrong first is written down for them."""
    with contextlib.suppress(RuntimeError):  # the store's host is gone
        if failure is not None and not isinstance(failure, PeerError):
            said = {"rank": meeting.world.rank, "message": _words(failure)}
            said["stopped"] = isinstance(failure, (Cancelled, KeyboardInterrupt))
            if meeting.store.add(meeting.key("failures"), 1) == 1:
                meeting.store.set(meeting.key("failure"), json.dumps(said))
            elif isinstance(failure, EffigieError):
                first = json.loads(meeting.store.get(meeting.key("failure")))
                failure.told = first["message"] == said["message"]
    dist.destroy_process_group()
    if failure is None or (isinstance(failure, PeerError) and not failure.told):
        return
    with contextlib.suppress(RuntimeError):
        gone = meeting.store.add(meeting.key("gone"), 1)
        until = time.monotonic() + LAST_WORDS_S
        # The leader may be the host of the store, where the others are about to read what happened.
        while meeting.world.leader and gone < meeting.world.size and time.monotonic() < until:
            time.sleep(0.05)
            gone = meeting.store.add(meeting.key("gone"), 0)


def _words(error: BaseException) -> str:
    return str(error) if isinstance(error, EffigieError) else f"{type(error).__name__}: {error}"


def _lost(error: RuntimeError) -> EffigieError:
    assert _meeting is not None
    until = time.monotonic() + LAST_WORDS_S
    while time.monotonic() < until:
        try:
            if _meeting.store.check([_meeting.key("failure")]):
                said = json.loads(_meeting.store.get(_meeting.key("failure")))
                if said["stopped"]:
                    return Cancelled(said["message"])
                return PeerError(f"process {said['rank']} of {_meeting.world.size}: {said['message']}", True)
        except RuntimeError:
            break
        time.sleep(0.05)
    reason = (str(error).strip().splitlines() or [""])[0][:120]
    return PeerError(
        f"another of the {_meeting.world.size} processes ended or fell silent without a word, killed perhaps for want "
        f"of memory ({reason}); run the same command again to go on from the last checkpoint",
        False,
    )


def _share_bytes(data: bytes) -> bytes:
    length = torch.tensor(len(data))
    collective(lambda: dist.broadcast(length, 0))
    content = torch.zeros(int(length), dtype=torch.uint8)
    if world().leader:
        content = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    collective(lambda: dist.broadcast(content, 0))
    return content.numpy().tobytes()
