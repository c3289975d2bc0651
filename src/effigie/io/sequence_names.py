"""Names that stand for a sequence of numbered files: ``shot.%04d.exr``, ``shot.####.exr``, ``shot.1001-1050####.exr``.

The last names a range as well (the way of RV and fileseq). ``@@@@`` is the same as ``####``. A name is a pattern only
where no file or folder has that name itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_PLACEHOLDER = re.compile(r"(?:(?P<first>\d+)-(?P<last>\d+))?(?P<digits>#+|@+|%0?\d*d)")
NUMBERED = re.compile(r"^(.*?)(\d+)$")
MAX_DIGITS = 18


@dataclass(frozen=True)
class SequencePattern:
    """What a pattern says: the name before and after the number, and which numbers.

    Attributes:
        folder: that holds the files.
        prefix, suffix: the name before and after the number, its extension included.
        width: digits of a number, padded with zeros; 0 where it is not padded.
        first, last: of the range that is named; None takes all there are.
    """

    folder: Path
    prefix: str
    suffix: str
    width: int
    first: int | None = None
    last: int | None = None

    @property
    def title(self) -> str:
        """The name without number and suffix: ``shot``."""
        return self.prefix.rstrip("._- ") or self.folder.absolute().name

    def name(self, number: int) -> str:
        return f"{self.prefix}{number:0{self.width}d}{self.suffix}"

    def number(self, name: str) -> int | None:
        """The number of a file of that name; None if it is none of the sequence's."""
        digits = name[len(self.prefix) : len(name) - len(self.suffix)]
        fits = name.startswith(self.prefix) and name.endswith(self.suffix) and digits.isascii() and digits.isdecimal()
        # What is longer than its padding is a number that outgrew it, and then has no zero in front.
        if not fits or len(digits) > MAX_DIGITS or self.name(int(digits)) != name:
            return None
        number = int(digits)
        inside = (self.first is None or number >= self.first) and (self.last is None or number <= self.last)
        return number if inside else None

    def list_files(self) -> dict[int, Path]:
        """The files that are there, by number, in order.

        Raises:
            OSError: the folder cannot be read.
        """
        entries = ((self.number(entry.name), entry) for entry in self.folder.iterdir())
        return dict(sorted((number, path) for number, path in entries if number is not None))


def parse_sequence_name(name: str | Path) -> SequencePattern | None:
    """The pattern that a name is; None if it is an ordinary one, or a file or folder has it."""
    path = Path(name)
    places = list(_PLACEHOLDER.finditer(path.name))
    if not places or path.exists() or not path.parent.is_dir():
        return None
    place = places[-1]
    digits = place["digits"]
    width = len(digits) if digits[0] in "#@" else int(digits[1:-1].lstrip("0") or 0)
    bounds = (None, None) if place["first"] is None else (int(place["first"]), int(place["last"]))
    prefix, suffix = path.name[: place.start()], path.name[place.end() :]
    return SequencePattern(path.parent, prefix, suffix, width, *bounds)
