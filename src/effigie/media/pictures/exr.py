"""Writes OpenEXR pictures, by the OpenEXR package, which is an extra."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effigie.errors import MediaError, UsageError
from effigie.io.atomic_write import WRITE_ERRNOS


def require_openexr() -> Any:
    """The package; UsageError, with the command that installs it, where it is missing."""
    try:
        import OpenEXR
    except ImportError:
        raise UsageError("layers need the package OpenEXR: pip install 'effigie[film]'") from None
    return OpenEXR


def write_exr(path: Path, rgba: NDArray[Any], pixel_aspect: float, attributes: Mapping[str, str]) -> None:
    """Write a picture with alpha.

    Args:
        rgba: (H, W, 4) float32, of any value.
        attributes: texts for the header.

    Raises:
        OSError: no room, no permission; its number says which.
        MediaError: the package refuses the picture.
    """
    package = require_openexr()
    header = {
        "compression": package.ZIP_COMPRESSION,
        "type": package.scanlineimage,
        "pixelAspectRatio": pixel_aspect,
        **attributes,
    }
    try:
        package.File(header, {"RGBA": np.ascontiguousarray(rgba)}).write(os.fspath(path))
    except RuntimeError as error:
        # The package has the system's words alone; who writes folders wants the number.
        for number in WRITE_ERRNOS:
            if os.strerror(number) in str(error):
                raise OSError(number, os.strerror(number), os.fspath(path)) from error
        raise MediaError(f"cannot write {path} ({' '.join(str(error).split())}): choose another folder") from error
