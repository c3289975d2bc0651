"""Description of the machine that the figures were measured on, without its owner."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

import psutil

from effigie._version import __version__
from effigie.execution import available_cores

LIBRARIES = ("torch", "numpy", "av", "opencv-python-headless", "ai-edge-litert", "onnxruntime")


def describe_machine() -> dict[str, str]:
    """Processor, cores, memory, graphics processor, system and versions, ready to print."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    return {
        "processor": processor_name(),
        "cores": str(available_cores()),
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "graphics": graphics_name(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}, {platform.machine()}",
        "software": f"effigie {__version__}, Python {platform.python_version()}, {versions}",
    }


def processor_name() -> str:
    """The processor's name."""
    table = Path("/proc/cpuinfo")
    if table.is_file():
        for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def graphics_name() -> str:
    """What torch would compute on beside the processor."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return "Apple MPS" if torch.backends.mps.is_available() else "none"


def git_commit() -> str:
    """Of the source that is running, as git tells it, ``+`` if it was changed since; else effigie's version."""
    folder = Path(__file__).parent
    asked = ("git", "-C", str(folder), "describe", "--always", "--abbrev=7", "--exclude=*", "--dirty=+")
    try:
        found = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return __version__
    return found.stdout.strip() or __version__


def load_average() -> float | None:
    """Runnable processes over the last minute, where the system tells: above 0.5 others were at work."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
