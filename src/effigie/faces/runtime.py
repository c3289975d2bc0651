"""LiteRT models of the face landmarker bundle; one interpreter must not be shared by threads."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import cache

import numpy as np

from effigie.assets import fetch_asset


@cache
def read_bundle_member(name: str) -> bytes:
    """Read a file of the ``face_landmarker`` bundle."""
    with zipfile.ZipFile(fetch_asset("face_landmarker")) as bundle:
        return bundle.read(name)


class TFLiteModel:
    """One ``.tflite`` network of the bundle, with one input; one thread is best where processes share the machine."""

    def __init__(self, member: str, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with suppress_stderr():
            self._interpreter = Interpreter(model_content=read_bundle_member(member), num_threads=threads)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]

    def __call__(self, batch: np.ndarray) -> list[np.ndarray]:
        """Run on a float32 input of the network's own shape; the outputs in the network's order."""
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


# Two threads in here would each restore what the other has put there: nothing would ever be printed again.
_SUPPRESSION = threading.RLock()


@contextlib.contextmanager
def suppress_stderr() -> Iterator[None]:
    """Suppress standard error: native libraries announce their delegates there at every start."""
    with _SUPPRESSION:
        try:
            saved_stderr = os.dup(2)
        except OSError:  # no standard error at all, under a service
            yield
            return
        sys.stderr.flush()
        devnull = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(devnull, 2)
            yield
        finally:
            os.dup2(saved_stderr, 2)
            os.close(devnull)
            os.close(saved_stderr)
