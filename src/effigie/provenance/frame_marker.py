"""What every frame that leaves effigie carries: the watermark, and the notice where it is to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from effigie.arrays import Image
from effigie.consent.document import Consent
from effigie.consent.gate import Permit
from effigie.errors import MediaError
from effigie.media.samples.native_picture import NativePicture
from effigie.provenance.config import TrustSettings
from effigie.provenance.label import Label
from effigie.provenance.watermark import Anchor, WatermarkEmbedder


class FrameMarker:
    """Marks and labels the frames of one output, or those that are shown before it is made.

    Args:
        permit: of the gate.
        settings: ``label``, ``label_text`` and ``watermark`` count.
        output_id: 12 hex digits that the mark carries.
        alike: what the pictures were made from: the mark's codeword is chosen by it.

    Attributes:
        settings: as given, but with the notice on where a consent rests on a bare attestation.
    """

    def __init__(self, permit: Permit, settings: TrustSettings, output_id: str, alike: Path) -> None:
        if not isinstance(permit, Permit):
            raise TypeError("an output needs the gate's permit")
        self.settings = require_label(permit.consents, settings)[0]
        self._output_id, self._alike = output_id, alike
        self._label = Label(self.settings.label, self.settings.label_text)
        self._embedder: WatermarkEmbedder | None = None

    @property
    def free_bits(self) -> int | None:
        """Which of its id's codewords the mark is; None before the first frame, and without a mark."""
        return None if self._embedder is None else self._embedder.free_bits

    def begin(self, time_s: float) -> None:
        """Say when the first frame is shown, where frames do not come in order."""
        self._label.begin(time_s)

    def mark(self, image: Image, mask: np.ndarray | None, anchors: Sequence[Anchor], time_s: float) -> Image:
        """The frame, (H, W, 3) uint8 RGB, with mark and notice; all frames are of one size.

        Args:
            mask: (H, W) uint8, 255 where the face was made; None where nothing was.
            anchors: of the made faces, which the mark is tied to.
            time_s: on the clip's clock; the first frame comes first, but after :meth:`begin`.
        """
        if (embedder := self._find_embedder(image.shape[:2])) is not None:
            image = embedder.embed(image, mask, anchors)
        return self._label.draw(image, time_s)

    def mark_native(
        self, native: NativePicture, mask: np.ndarray | None, anchors: Sequence[Anchor], time_s: float
    ) -> None:
        """As :meth:`mark`, a picture as decoded, in place."""
        if (embedder := self._find_embedder(native.size)) is not None:
            embedder.embed_native(native, mask, anchors)
        self._label.draw_native(native, time_s)

    def area(self, height: int, width: int, time_s: float) -> tuple[slice, slice] | None:
        """Rows and columns that the notice covers; None where it is not drawn."""
        return self._label.area(height, width, time_s)

    def _find_embedder(self, size: tuple[int, ...]) -> WatermarkEmbedder | None:
        if self.settings.watermark and self._embedder is None:
            self._embedder = create_embedder(self._output_id, size, self._alike)
        return self._embedder


def require_label(consents: Sequence[Consent], settings: TrustSettings) -> tuple[TrustSettings, list[Consent]]:
    """The settings with the notice on where a consent is a bare attestation, and those consents."""
    bare = [one for one in consents if one.is_bare and settings.label == "off"]
    return (replace(settings, label="corner") if bare else settings), bare


def create_embedder(output_id: str, size: tuple[int, ...], clip: Path) -> WatermarkEmbedder:
    """Create the embedder of an output of ``size`` (height, width); the same arguments give the same mark."""
    height, width = size
    try:
        return WatermarkEmbedder(int(output_id, 16), (height, width), like=clip)
    except MediaError:  # a folder of pictures, or what this reader alone cannot sample: any codeword will do
        return WatermarkEmbedder(int(output_id, 16), (height, width))
