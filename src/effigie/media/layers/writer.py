"""Writes a folder of layers: a numbered EXR file and a line of tracking data for each frame."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from effigie.edit import Edit
from effigie.io.atomic_write import atomic_write, convert_os_error
from effigie.media.clip import ClipInfo
from effigie.media.layers.picture import compute_alpha, compute_layer, read_whole
from effigie.media.layers.plan import LAYER_NAMES, TRACKING
from effigie.media.output.place import check_place
from effigie.media.pictures.exr import require_openexr, write_exr
from effigie.media.samples.native_picture import NativePicture

COMMENT = (
    "Premultiplied layer in the footage's own encoding ({transfer}, {primaries}), no scene light: read it and the "
    "footage raw, without color conversion; layer + (1 - alpha) * footage is the output. "
    "Made with effigie, output {output_id}."
)


class LayerFiles:
    """Writes ``000000.exr``, ``000001.exr``, ... and ``tracking.jsonl`` into a folder that appears when it is whole.

    Use as a context manager.

    Args:
        folder: missing, empty, or with layers of before, which are replaced.
        info: of the footage.
        output_id: of the output that the layers belong to.

    Attributes:
        temporary: the folder while it is written.

    Raises:
        UsageError: the package OpenEXR is missing, or the folder holds other things.
    """

    def __init__(self, folder: Path, info: ClipInfo, output_id: str) -> None:
        require_openexr()
        check_place(folder, "folder", info, LAYER_NAMES, "layers")
        self.folder, self.temporary = folder, folder
        self._aspect = float(info.pixel_aspect)
        color = info.color
        comment = COMMENT.format(transfer=color.transfer, primaries=color.primaries, output_id=output_id)
        self._attributes = {
            "comments": comment,
            "effigie/output": output_id,
            "effigie/transfer": color.transfer,
            "effigie/primaries": color.primaries,
        }
        self._count = 0
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.temporary = stack.enter_context(atomic_write(self.folder))
            self.temporary.mkdir()
            self._tracking = stack.enter_context((self.temporary / TRACKING).open("w", encoding="utf-8", newline="\n"))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def read_before(self, native: NativePicture) -> NDArray[np.float32]:
        """(H, W, 3) float32: the picture before it is changed, for :meth:`write`."""
        return read_whole(native)

    def write(
        self,
        footage: NDArray[np.float32],
        native: NativePicture,
        edits: Sequence[Edit],
        time: Fraction,
        tracks: Sequence[Mapping[str, Any]],
    ) -> None:
        """Add one frame.

        Args:
            footage: of :meth:`read_before`.
            native: the same picture as it leaves.
            edits: made in between; what else changed (mark, label) is in the samples alone.
            time: s.
            tracks: of each made face, values that JSON can hold.
        """
        layer = compute_layer(footage, read_whole(native), compute_alpha(native, edits), native.layout.bits)
        line = {"frame": self._count, "time": round(float(time), 6), "faces": list(tracks)}
        with self._name_folder():
            write_exr(self.temporary / f"{self._count:06d}.exr", layer, self._aspect, self._attributes)
            self._tracking.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._count += 1

    def finalize(self) -> None:
        """Complete all files, before they are hashed."""
        with self._name_folder():
            self._tracking.close()

    @contextlib.contextmanager
    def _name_folder(self) -> Iterator[None]:
        """Convert errors of the system to one line about the folder, not about the output beside it."""
        try:
            yield
        except OSError as error:
            raise convert_os_error(error, self.folder) from error
