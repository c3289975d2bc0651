"""Tests of how networks of the landmarker bundle are loaded."""

from __future__ import annotations

import os
import threading
import time

from effigie.faces.runtime import suppress_stderr


def test_standard_error_comes_back_after_two_threads_at_once() -> None:
    before = os.fstat(2)

    def load(delay: float, length: float) -> None:
        time.sleep(delay)
        with suppress_stderr():
            time.sleep(length)

    threads = [threading.Thread(target=load, args=times) for times in ((0.0, 0.1), (0.05, 0.1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = os.fstat(2)
    assert (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino)
