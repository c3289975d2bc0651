"""LiteRT models out of the face landmarker bundle, one interpreter per thread of use."""

from __future__ import annotations

import os
import zipfile
from functools import cache

import numpy as np

from effigie.assets import fetch

# LiteRT announces its delegate on standard error at every start; users cannot act on it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@cache
def bundle_member(name: str) -> bytes:
    """A file inside the ``face_landmarker`` bundle."""
    with zipfile.ZipFile(fetch("face_landmarker")) as bundle:
        return bundle.read(name)


class LiteModel:
    """One ``.tflite`` network with a single input.

    Args:
        member: file name in the bundle.
        threads: CPU threads; one is best where several processes share the machine.
    """

    def __init__(self, member: str, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=bundle_member(member), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]

    def __call__(self, batch: np.ndarray) -> list[np.ndarray]:
        """Run on a float32 input of the network's own shape; the outputs in the network's order."""
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]
