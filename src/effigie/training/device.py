"""Choice of device, precision and threads, found by measuring the hardware rather than by trusting its flags."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from effigie.errors import UsageError
from effigie.execution import available_cores
from effigie.execution.launch import RankInfo
from effigie.io.measurements import measure_once

LOG = logging.getLogger(__name__)

Precision = Literal["fp32", "bf16"]

_fixed_precision: Precision | None = None

DEVICE_VARIABLE = "EFFIGIE_DEVICE"
"""Environment variable: the device that ``auto`` means in this process and in its children."""
MIN_BF16_SPEEDUP = 1.15
"""Least speed-up of bf16 over fp32 on a CPU for which ``auto`` takes it."""


def choose_device(name: str = "auto") -> torch.device:
    """The device called ``name``; auto takes what ``EFFIGIE_DEVICE`` says, else CUDA, then MPS, then the CPU.

    Raises:
        UsageError: no such device here.
    """
    if name == "auto":
        name = os.environ.get(DEVICE_VARIABLE) or "auto"
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device {name!r} cannot be used here ({reason}); use auto, or cpu") from error
    return device


@contextlib.contextmanager
def device_override(name: str) -> Iterator[None]:
    """Within the block, ``auto`` means this device, in child processes too; ``auto`` itself changes nothing."""
    if name == "auto":
        yield
        return
    choose_device(name)
    previous = os.environ.get(DEVICE_VARIABLE)
    os.environ[DEVICE_VARIABLE] = name
    try:
        yield
    finally:
        os.environ.pop(DEVICE_VARIABLE)
        if previous is not None:
            os.environ[DEVICE_VARIABLE] = previous


def choose_process_device(name: str, world: RankInfo) -> torch.device:
    """The device of this process: where several train on one machine's GPUs, one for each."""
    device = choose_device(name)
    if world.size == 1 or device.type == "cpu":
        return device
    if device.type != "cuda":
        raise UsageError(f"several processes train on CUDA or on the CPU, not on {device}: choose --device cpu")
    if device.index is not None:
        raise UsageError(f"device {name!r} is one GPU, for {world.size} processes: choose cuda, which deals them out")
    if world.local_size > torch.cuda.device_count():
        raise UsageError(
            f"{world.local_size} processes on this machine, but {torch.cuda.device_count()} GPUs: start as many as "
            "there are GPUs, or choose --device cpu"
        )
    device = torch.device("cuda", world.local_rank)
    torch.cuda.set_device(device)
    return device


def choose_threads(requested: int | None, world: RankInfo) -> int | None:
    """CPU threads of this process: what is wanted, else its share of the cores; None for torch's own choice."""
    if requested is not None or world.local_size == 1:
        return requested
    return max(1, available_cores() // world.local_size)


def choose_precision(requested: Literal["auto", "fp32", "bf16"], device: torch.device) -> Precision:
    """What ``auto`` means on ``device``; fp32 and bf16 are returned as they are."""
    if requested != "auto":
        return requested
    if _fixed_precision is not None:
        return _fixed_precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type == "cpu":
        LOG.debug("bf16 trains %.2f times as fast as fp32 on this CPU", _measure_bf16_speedup())
        return "bf16" if _measure_bf16_speedup() > MIN_BF16_SPEEDUP else "fp32"
    return "fp32"


def fix_precision(precision: Precision | None) -> None:
    """Fix what ``auto`` means in this process: workers that each measured would not all decide alike.

    None lets it be measured again.
    """
    global _fixed_precision
    _fixed_precision = precision


@functools.cache
def _measure_bf16_speedup() -> float:
    """How many times faster a convolution trains in bf16 on this CPU; measured once a machine and torch.

    Measuring in each process would cost half a second or more of every conversion, and might not always decide alike.
    """
    capability, isa = torch.backends.cpu.get_cpu_capability(), os.environ.get("DNNL_MAX_CPU_ISA", "")
    key = f"{_processor_name()} {capability} {isa} {torch.get_num_threads()} threads, torch {torch.__version__}"
    return float(measure_once("precision", key, _try_bf16, lambda value: 0 < float(value) < float("inf")))


def _processor_name() -> str:
    """What the processor calls itself; the kind of machine where it does not say."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _try_bf16() -> float:
    """Measure how many times faster a convolution trains in bf16 on this CPU; finding out takes 0.2 s.

    It has to be as large as those of the networks: converting the types has its price, which is what a small one would
    measure.
    """
    convolution = nn.Conv2d(128, 128, 3, padding=1)
    pixels = torch.zeros(4, 128, 32, 32).contiguous(memory_format=torch.channels_last)

    def seconds(enabled: bool) -> float:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            convolution(pixels).float().mean().backward()
        return time.perf_counter() - start

    for enabled in (True, False, True):  # the first ones choose their kernels
        seconds(enabled)
    # Alternating, and the best of each: other work on the machine then disturbs both alike.
    pairs = [(seconds(False), seconds(True)) for _ in range(6)]
    return min(plain for plain, _ in pairs) / min(half for _, half in pairs)


@contextlib.contextmanager
def isolate_rng(seed: int) -> Iterator[None]:
    """Seed torch's CPU generator within the block, and restore its state afterwards."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def configure_backend(device: torch.device, threads: int | None) -> Iterator[None]:
    """Configure torch for training within the block: no denormals, ``threads`` threads, fast CUDA kernels."""
    previous = torch.get_num_threads(), torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    # Denormals slow a CPU up to a hundredfold, and moments of AdamW that fade out turn into them.
    torch.set_flush_denormal(True)
    if threads is not None:
        torch.set_num_threads(threads)
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(previous[0])
        torch.backends.cudnn.benchmark = previous[1]
        torch.set_float32_matmul_precision(previous[2])


def to_device(batch: Any, device: torch.device) -> Any:
    """``batch`` with every tensor and array in it as a tensor on ``device``; anything else is left alone."""
    if isinstance(batch, np.ndarray):
        batch = torch.from_numpy(batch)
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(to_device(value, device) for value in batch))
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch
