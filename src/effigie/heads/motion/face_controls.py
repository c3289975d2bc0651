"""What a face is to show, in absolute values that need no driver: smile, mouth, lids, gaze, brows, turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from effigie.errors import UsageError
from effigie.field_docs import format_help, read_attribute_docs

EXPRESSION = ("smile", "mouth", "blink_left", "blink_right", "brows")
"""What makes a face calm or not; where it looks and how it is turned are no expression."""


@dataclass(frozen=True)
class FaceControls:
    """What a face is to show; a value is absolute, and 0 is what a calm face that looks at the camera shows.

    None leaves the portrait, or its driver, as it is. Left and right are the person's own.

    Attributes:
        smile: corners of the mouth: 1 a broad smile, -1 drawn down.
        mouth: gap between the lips: 0 shut, 1 three centimetres on a face of common size.
        blink_left: left lids: 0 as open as at rest, 1 shut, below 0 wide open.
        blink_right: right lids.
        gaze_x: where the eyes look: 1 to the picture's right, as far as irises are moved.
        gaze_y: the same down.
        brows: 1 raised, -1 drawn down and together.
        yaw: degrees that the head is turned to the picture's right.
        pitch: degrees that it is nodded down.
        roll: degrees that it leans clockwise.
    """

    smile: float | None = field(default=None, metadata={"range": (-1.0, 1.0), "panel": "Mouth"})
    mouth: float | None = field(default=None, metadata={"range": (0.0, 1.0), "panel": "Mouth"})
    blink_left: float | None = field(default=None, metadata={"range": (-0.4, 1.0), "panel": "Eyes"})
    blink_right: float | None = field(default=None, metadata={"range": (-0.4, 1.0), "panel": "Eyes"})
    gaze_x: float | None = field(default=None, metadata={"range": (-1.0, 1.0), "panel": "Eyes"})
    gaze_y: float | None = field(default=None, metadata={"range": (-1.0, 1.0), "panel": "Eyes"})
    brows: float | None = field(default=None, metadata={"range": (-1.0, 1.0), "panel": "Eyes"})
    yaw: float | None = field(default=None, metadata={"range": (-35.0, 35.0), "panel": "Head"})
    pitch: float | None = field(default=None, metadata={"range": (-25.0, 25.0), "panel": "Head"})
    roll: float | None = field(default=None, metadata={"range": (-30.0, 30.0), "panel": "Head"})

    def __post_init__(self) -> None:
        for name, value in self.iterate_values():
            low, high = control_range(name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise UsageError(f"{name} must be from {low:g} to {high:g}, not {value!r}")

    @classmethod
    def calm(cls) -> Self:
        """A face at rest: no smile, mouth shut, lids and brows as they are at rest. Gaze and turn stay."""
        return cls(**dict.fromkeys(EXPRESSION, 0.0))

    @classmethod
    def from_values(cls, values: Mapping[str, Any], label: str) -> Self:
        """Controls of a table of names and values.

        Args:
            label: names the table in an error.

        Raises:
            UsageError: no such control, or a value out of its range.
        """
        for name in values:
            if name not in CONTROL_NAMES:
                raise UsageError(f"{label} has no control {name!r}: known are {', '.join(CONTROL_NAMES)}")
        return cls(**values)

    def iterate_values(self) -> Iterator[tuple[str, float]]:
        """Names and values of those that are not None."""
        for name in CONTROL_NAMES:
            if (value := getattr(self, name)) is not None:
                yield name, value


CONTROL_NAMES = tuple(one.name for one in fields(FaceControls))


def control_range(name: str) -> tuple[float, float]:
    """Least and most value of a control."""
    low, high = FaceControls.__dataclass_fields__[name].metadata["range"]
    return low, high


def describe_face_controls() -> list[dict[str, Any]]:
    """What a window shows of each control, as JSON: ``name``, ``label``, ``help``, ``panel``, ``low``, ``high``."""
    documented = read_attribute_docs(FaceControls)
    return [
        {
            "name": one.name,
            "label": one.name.replace("_", " "),
            "help": format_help(documented[one.name]),
            "panel": one.metadata["panel"],
            "low": one.metadata["range"][0],
            "high": one.metadata["range"][1],
        }
        for one in fields(FaceControls)
    ]
