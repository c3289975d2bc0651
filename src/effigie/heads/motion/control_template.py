"""Control templates: what a face is to show over time, as a TOML or JSON file that people can read and edit.

Example::

    rate = 25
    over = "replace"         # what becomes of a driver's own: or "add"

    [[keys]]
    time = 0.0
    smile = 0.0
    yaw = 0.0

    [[keys]]
    time = 1.2
    smile = 0.8              # reached smoothly from 0

    [[keys]]
    time = 1.6
    yaw = 12.0
    ease = "linear"

A control changes between the keys that name it and stays as it was beyond them; one that no key names is the
portrait's own, or its driver's.
"""

from __future__ import annotations

import json
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from effigie.errors import UsageError
from effigie.heads.motion.face_controls import FaceControls, control_range
from effigie.io.atomic_write import atomic_write
from effigie.io.toml_text import update_toml

VERSION = 1
Ease = Literal["smooth", "linear", "hold"]
EASES = ("smooth", "linear", "hold")
Over = Literal["replace", "add"]
OVERS = ("replace", "add")
MAX_SECONDS, MAX_KEYS = 3600.0, 10_000
RATES = 1, 120


@dataclass(frozen=True)
class ControlKey:
    """What a face shows at a moment.

    Attributes:
        time: seconds from the first frame.
        controls: those that are named here; the others pass the key by.
        ease: how they come here from the key before: ``smooth``, ``linear``, or ``hold``, all at once at this key.
    """

    time: float
    controls: FaceControls
    ease: Ease = "smooth"

    def __post_init__(self) -> None:
        if isinstance(self.time, bool) or not isinstance(self.time, (int, float)) or not 0 <= self.time <= MAX_SECONDS:
            raise UsageError(f"a key's time must be from 0 to {MAX_SECONDS:g} seconds, not {self.time!r}")
        if self.ease not in EASES:
            raise UsageError(f"ease must be one of {', '.join(EASES)}, not {self.ease!r}")


@dataclass(frozen=True)
class ControlTemplate:
    """Controls of a face over time.

    Attributes:
        keys: moments, in any order, no two at one time.
        rate: frames a second; a driver's or a sound's own counts where there is one.
        seconds: how long a motion of it is; None up to its last key.
        over: ``replace``: over a driver its values stand in place of the driver's; ``add``: they are added to them.
    """

    keys: tuple[ControlKey, ...] = field(default_factory=tuple)
    rate: int = 25
    seconds: float | None = None
    over: Over = "replace"

    def __post_init__(self) -> None:
        if not self.keys or len(self.keys) > MAX_KEYS:
            raise UsageError(f"a control template needs a key, and holds up to {MAX_KEYS}")
        if isinstance(self.rate, bool) or not isinstance(self.rate, int) or not RATES[0] <= self.rate <= RATES[1]:
            raise UsageError(f"rate must be a whole number from {RATES[0]} to {RATES[1]}, not {self.rate!r}")
        if self.over not in OVERS:
            raise UsageError(f"over must be one of {', '.join(OVERS)}, not {self.over!r}")
        times = sorted(key.time for key in self.keys)
        for time, next_time in pairwise(times):
            if time == next_time:
                raise UsageError(f"two keys are at {time:g} s: make them one")
        if self.seconds is not None and (isinstance(self.seconds, bool) or not 0 < self.seconds <= MAX_SECONDS):
            raise UsageError(f"seconds must be above 0, up to {MAX_SECONDS:g}, not {self.seconds!r}")

    @classmethod
    def still(cls, controls: FaceControls) -> ControlTemplate:
        """One moment: a single frame."""
        return cls((ControlKey(0.0, controls),))

    @property
    def count(self) -> int:
        """Frames of a motion of it; the last key is in the last of them."""
        if self.seconds is not None:
            return max(1, round(self.seconds * self.rate))
        return int(np.floor(max(key.time for key in self.keys) * self.rate + 1e-6)) + 1

    def times(self) -> tuple[Fraction, ...]:
        """When each of them is shown, exact seconds."""
        return tuple(Fraction(index, self.rate) for index in range(self.count))

    def __call__(self, time: float) -> FaceControls:
        """What is to be shown at a time in seconds."""
        return FaceControls(**{name: _interpolate(track, time) for name, track in self._tracks.items()})

    @cached_property
    def _tracks(self) -> dict[str, list[tuple[float, float, Ease]]]:
        """Of each control that is named: times, values and how they are reached, ascending."""
        tracks: dict[str, list[tuple[float, float, Ease]]] = {}
        for key in sorted(self.keys, key=lambda key: key.time):
            for name, value in key.controls.iterate_values():
                tracks.setdefault(name, []).append((key.time, value, key.ease))
        return tracks


def _interpolate(track: list[tuple[float, float, Ease]], time: float) -> float:
    place = bisect_right([one for one, _, _ in track], time)
    if place in (0, len(track)):
        return track[min(place, len(track) - 1)][1]
    (start, first, _), (stop, last, ease) = track[place - 1 : place + 1]
    share = (time - start) / (stop - start)
    if ease == "hold":
        return first
    if ease == "smooth":
        share = share * share * (3 - 2 * share)
    return first + share * (last - first)


def add_controls(base: FaceControls, change: FaceControls) -> FaceControls:
    """The sum, control by control, within each one's range; None where ``change`` is None."""
    values = {}
    for name, value in change.iterate_values():
        own = getattr(base, name)
        values[name] = float(np.clip((0.0 if own is None else own) + value, *control_range(name)))
    return FaceControls(**values)


def load_template(path: str | Path) -> ControlTemplate:
    """Read a control template, TOML or by its name JSON.

    Raises:
        UsageError: it cannot be read, or holds what there is not; the line says which.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error})") from error
    except ValueError as error:
        raise UsageError(f"{path} is no {'JSON' if path.suffix.lower() == '.json' else 'TOML'}: {error}") from error
    return read_template(document, str(path))


def read_template(document: Any, label: str = "the template") -> ControlTemplate:
    """The template that the values of a file are.

    Args:
        label: names the file in an error.

    Raises:
        UsageError: as of :func:`load_template`.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("keys"), list):
        raise UsageError(f"{label} needs keys: write [[keys]] once for each moment")
    for name in document:
        if name not in ("version", "rate", "seconds", "over", "keys"):
            raise UsageError(f"{label} has no setting {name!r}: known are rate, seconds, over and keys")
    version = document.get("version", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise UsageError(f"{label} is of version {version!r}, this effigie reads up to {VERSION}: update effigie")
    keys = tuple(_read_key(key, f"{label}, key {number}") for number, key in enumerate(document["keys"], 1))
    settings = {name: document[name] for name in ("rate", "seconds", "over") if name in document}
    try:
        return ControlTemplate(keys, **settings)
    except (UsageError, TypeError) as error:
        raise UsageError(f"{label}: {error}") from error


def _read_key(values: Any, label: str) -> ControlKey:
    if not isinstance(values, Mapping) or "time" not in values:
        raise UsageError(f"{label} needs a time, in seconds")
    controls = {name: value for name, value in values.items() if name not in ("time", "ease")}
    try:
        return ControlKey(values["time"], FaceControls.from_values(controls, label), values.get("ease", "smooth"))
    except (UsageError, TypeError) as error:
        text = str(error)
        raise UsageError(text if text.startswith(label) else f"{label}: {text}") from error


def describe_template(template: ControlTemplate) -> dict[str, Any]:
    """The values of a template's file; :func:`read_template` gives the same template back."""
    document: dict[str, Any] = {"version": VERSION, "rate": template.rate, "over": template.over}
    if template.seconds is not None:
        document["seconds"] = template.seconds
    document["keys"] = [
        {"time": key.time, "ease": key.ease, **dict(key.controls.iterate_values())}
        for key in sorted(template.keys, key=lambda key: key.time)
    ]
    return document


def save_template(template: ControlTemplate, path: str | Path) -> None:
    """Write a template, TOML or by its name JSON, whole or not at all; comments of a TOML file that is there stay."""
    path, document = Path(path), describe_template(template)
    is_json = path.suffix.lower() == ".json"
    text = json.dumps(document, indent=2) + "\n" if is_json else update_toml(path, document)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
