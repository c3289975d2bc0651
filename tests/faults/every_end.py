"""Calls that end in every possible way, for tests of the process watchdog. Other processes import this module."""

from __future__ import annotations

import os
import threading

from effigie.errors import UsageError

SIGNS = 8  # that the slow one gives of getting on


def asked(task, alive):
    if task == "hang":
        threading.Event().wait()
    if task == "slow":
        for _ in range(SIGNS):
            alive()
    if task == "crash":
        os.abort()
    if task == "refuse":
        raise UsageError("that cannot be")
    if task == "lines":
        raise UsageError("first\nsecond")
    if task == "error":
        raise KeyError("not foreseen")
    return f"{task} done"


def ask(*_):
    return asked
