"""Runs the test suite under settings in which machines differ: `make test-matrix`.

`make test-matrix SETTINGS="avx2 load"` runs some. Each run gets an empty temporary folder, whose size is measured
while it runs and after. Studies are left out, as by `make test`. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TWO_WORKERS = ("--numprocesses", "2", "--dist", "loadfile", "--no-loadscope-reorder")
BUSY = "while True: pass"


@dataclass(frozen=True)
class Setting:
    """One setting of the matrix.

    Attributes:
        about: a few words for the table.
        environment: variables set for the run and all that it starts.
        prefix: a command that starts the run's command.
        options: of pytest, instead of two workers.
        busy: how many processes that never rest run beside it.
    """

    about: str
    environment: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    options: tuple[str, ...] = TWO_WORKERS
    busy: int = 0


AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
SSE = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}

SETTINGS = {
    "plain": Setting("two workers"),
    "avx2": Setting("PyTorch and oneDNN without AVX-512: a laptop", AVX2),
    "sse": Setting("PyTorch and oneDNN without AVX", SSE),
    "opencv": Setting("OpenCV without AVX2 and AVX-512", {"OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2"}),
    "openblas": Setting("OpenBLAS as on Haswell", {"OPENBLAS_CORETYPE": "Haswell"}),
    "one-worker": Setting("one worker", options=("--numprocesses", "1")),
    "no-worker": Setting("pytest alone", options=()),
    "random": Setting("random order", options=(*TWO_WORKERS, "--random-order")),
    "nohup": Setting("started by nohup", prefix=("nohup",)),
    "c-locale": Setting("LC_ALL=C", {"LC_ALL": "C"}),
    "time-zone": Setting("TZ=Asia/Kathmandu", {"TZ": "Asia/Kathmandu"}),
    "one-core": Setting("one core of the machine", prefix=("taskset", "--cpu-list", "0")),
    "many-cores": Setting("64 cores, as Python 3.13 and newer are told", {"PYTHON_CPU_COUNT": "64"}),
    "terminal": Setting("a dumb terminal of 20 columns", {"TERM": "dumb", "COLUMNS": "20", "LINES": "5"}),
    "load": Setting("beside two processes that never rest", busy=2),
}


@contextlib.contextmanager
def company(count: int) -> Iterator[None]:
    """``count`` processes that keep the processor busy."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def size_of(folder: Path) -> int:
    """Bytes on disk; files that vanish meanwhile do not count."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118
    return total


@contextlib.contextmanager
def measured(folder: Path) -> Iterator[list[int]]:
    """A list whose last value is the largest size that the folder had."""
    peak, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(2.0):
            peak[0] = max(peak[0], size_of(folder))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def run(name: str, setting: Setting, extra: list[str]) -> tuple[bool, str]:
    """Run the suite; returns whether it passed, and its line of the table."""
    with tempfile.TemporaryDirectory(prefix="effigie-matrix-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        # Some programs put sockets there, whose paths may have 107 bytes.
        environment = {**os.environ, **setting.environment, "TMPDIR": made}
        command = [*setting.prefix, sys.executable, "-m", "pytest", "-m", "not study", *setting.options, *extra]
        begun = time.monotonic()
        with company(setting.busy), measured(folder) as peak:
            ended = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        minutes, left = (time.monotonic() - begun) / 60, size_of(folder)
    Path(f"matrix-{name}.log").write_text(ended.stdout, "utf-8")
    summary = re.findall(r"^=* ?(\d+ (?:passed|failed|error).*?) in [\d.]+s", ended.stdout, re.MULTILINE)
    told = summary[-1] if summary else "no summary"
    row = f"| {name} | {setting.about} | {told} | {minutes:.1f} | {peak[0] / 1e6:.0f} | {left / 1e6:.1f} |"
    return ended.returncode == 0, row


def main() -> int:
    """Exit code 1 if the suite fails under a setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings", nargs="*", metavar="SETTING", help=", ".join(SETTINGS))
    parser.add_argument("--tests", nargs="*", default=[], help="what pytest gets beside, such as files")
    options = parser.parse_args()
    if unknown := set(options.settings) - set(SETTINGS):
        parser.error(f"no such setting: {', '.join(sorted(unknown))}")
    print("| setting | what | outcome | min | MB, most | MB, left |\n|---|---|---|---|---|---|", flush=True)
    green = True
    for name in options.settings or SETTINGS:
        passed, row = run(name, SETTINGS[name], options.tests)
        green &= passed
        print(row, flush=True)
    return 0 if green else 1


if __name__ == "__main__":
    sys.exit(main())
