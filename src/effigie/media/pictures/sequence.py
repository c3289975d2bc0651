"""Sequences of numbered pictures: a folder of them, or a pattern such as ``shot.####.exr``, as one clip."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from effigie.errors import MediaError
from effigie.io.sequence_names import NUMBERED, SequencePattern, parse_sequence_name
from effigie.progress import format_count

PICTURE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".exr"),
    *(".heic", ".heif", ".hif", ".avif"),
)
# As renderers and film scanners number frames: a number behind a dot. A name that is a number may be a photo's too.
_FRAME_STEM = re.compile(r"^.*\.\d+$")
_NUMBER_STEM, _FRAME_SUFFIXES = re.compile(r"^\d{4,}$"), (".png", ".tif", ".tiff", ".exr")
MAX_RANGES = 4  # of missing numbers that are named


@dataclass(frozen=True)
class PictureSequence:
    """The files of a sequence, in order.

    Attributes:
        files: one a frame.
        numbers: theirs.
    """

    files: tuple[Path, ...]
    numbers: tuple[int, ...]

    @property
    def folder(self) -> Path:
        return self.files[0].parent

    @property
    def suffix(self) -> str:
        """Of every file, with its dot, in small letters."""
        return self.files[0].suffix.lower()

    @property
    def names(self) -> str:
        """A regular expression of the names that numbers give."""
        match = NUMBERED.match(self.files[0].stem)
        prefix = "" if match is None else match[1]
        return rf"{re.escape(prefix)}\d+(?i:{re.escape(self.suffix)})"

    def describe_gaps(self) -> str:
        """Which numbers between the first and the last are missing, in a sentence; empty where none is."""
        missing = _list_missing(self.numbers, self.numbers[0], self.numbers[-1])
        if not missing:
            return ""
        count = sum(last - first + 1 for first, last in missing)
        return (
            f"{format_count(count, 'number')} between {self.numbers[0]} and {self.numbers[-1]} missing "
            f"({_format_ranges(missing)}): the pictures that are there were read one after the other"
        )


def list_sequence(folder: Path) -> list[Path]:
    """List the pictures of a folder in the order of their numbers; empty unless all are numbered alike.

    Alike: the same words before the number and the same suffix, at least two of them, such as ``000000.png``,
    ``000001.png``. Gaps are fine. Files that are not pictures and hidden files do not count.
    """
    files = [f for f in folder.iterdir() if f.suffix.lower() in PICTURE_SUFFIXES and f.name[0] != "."]
    matches = [(NUMBERED.match(file.stem), file) for file in files]
    numbered = [(int(match[2]), match[1], file) for match, file in matches if match is not None]
    alike = len({(words, file.suffix.lower()) for _, words, file in numbered}) == 1
    if len(files) < 2 or len(numbered) != len(files) or not alike:
        return []
    return [file for _, _, file in sorted(numbered)]


def find_sequence(path: Path) -> PictureSequence:
    """The sequence that a folder or a pattern stands for.

    Raises:
        MediaError: there is none, a picture of a range that was named is missing, one is empty, or two have one number.
    """
    pattern = parse_sequence_name(path)
    if pattern is not None:
        files_by_number = _list_pattern(pattern, path)
    else:
        files = list_sequence(path)
        if not files:
            raise MediaError(
                f"{path} holds no sequence of numbered pictures (such as 000000.png, 000001.png): "
                "name a clip in it, or number its pictures"
            )
        files_by_number = _number_files(files)
    for file in files_by_number.values():
        if file.stat().st_size == 0:
            raise MediaError(f"{file} is empty: render or copy it again")
    return PictureSequence(tuple(files_by_number.values()), tuple(files_by_number))


def _number_files(files: Iterable[Path]) -> dict[int, Path]:
    files_by_number: dict[int, Path] = {}
    for file in files:
        match = NUMBERED.match(file.stem)
        if match is None:
            continue
        first = files_by_number.setdefault(int(match[2]), file)
        if first != file:
            # Which of them is the frame nobody can tell, and leaving one out would go unseen.
            raise MediaError(
                f"{first.name} and {file.name} have the same number: keep one of them in {file.parent}, or name a "
                "pattern such as shot.####.png"
            )
    return files_by_number


def is_sequence_name(path: Path) -> bool:
    """Whether a path is a pattern of picture files, rather than one of a file or folder."""
    pattern = parse_sequence_name(path)
    return pattern is not None and Path(f"x{pattern.suffix}").suffix.lower() in PICTURE_SUFFIXES


def group_frames(files: Iterable[Path]) -> list[Path]:
    """Replace picture files that are frames of one sequence by its pattern; all others stay by themselves.

    Frames are numbered as film is: ``shot.0001.exr``, ``000001.tif``; photos (``IMG_0001.jpg``) are not.
    A group must be all that is there between its first and its last file.
    """
    groups: dict[tuple[Path, str, str], list[Path]] = defaultdict(list)
    single: list[Path] = []
    for file in files:
        match = NUMBERED.match(file.stem)
        if match is None or not _is_frame(file):
            single.append(file)
        else:
            groups[file.parent, match[1], file.suffix].append(file)
    for (folder, prefix, suffix), members in groups.items():
        pattern = _find_pattern(folder, prefix, suffix, members)
        single += members if pattern is None else [pattern]
    return single


def _is_frame(file: Path) -> bool:
    suffix = file.suffix.lower()
    is_number = suffix in _FRAME_SUFFIXES and _NUMBER_STEM.match(file.stem) is not None
    return suffix in PICTURE_SUFFIXES and (is_number or _FRAME_STEM.match(file.stem) is not None)


def _find_pattern(folder: Path, prefix: str, suffix: str, members: Sequence[Path]) -> Path | None:
    if len(members) < 2:
        return None
    digits = [file.stem[len(prefix) :] for file in members]
    width = min(len(one) for one in digits)
    pattern = SequencePattern(folder, prefix, suffix, width)
    numbers = sorted(pattern.number(file.name) or 0 for file in members)
    if any(pattern.number(file.name) is None for file in members):
        return None
    all_numbers = list(pattern.list_files())
    if [number for number in all_numbers if numbers[0] <= number <= numbers[-1]] != numbers:
        return None
    part = "" if all_numbers == numbers else f"{numbers[0]}-{numbers[-1]}"
    # A range demands all of its numbers, which a list of files does not.
    if part and len(numbers) != numbers[-1] - numbers[0] + 1:
        return None
    return folder / f"{prefix}{part}{'#' * width}{suffix}"


def _list_pattern(pattern: SequencePattern, path: Path) -> dict[int, Path]:
    try:
        files_by_number = pattern.list_files()
    except OSError as error:
        raise MediaError(f"{pattern.folder} cannot be read ({error.strerror}): check its permissions") from error
    if not files_by_number:
        raise MediaError(f"no picture is named like {path}: check the pattern, such as shot.%04d.png or shot.####.exr")
    if pattern.first is not None and pattern.last is not None:
        missing = _list_missing(tuple(files_by_number), pattern.first, pattern.last)
        if missing:
            count = sum(last - first + 1 for first, last in missing)
            raise MediaError(
                f"{format_count(count, 'picture')} of {path.name} missing in {pattern.folder} "
                f"({_format_ranges(missing)}): render them, or name the range that is there"
            )
    return files_by_number


def _list_missing(numbers: Sequence[int], first: int, last: int) -> list[tuple[int, int]]:
    """Ranges between ``first`` and ``last``, both included, of which no number is there."""
    edges = [first - 1, *numbers, last + 1]
    return [(one + 1, other - 1) for one, other in itertools.pairwise(edges) if other - one > 1]


def _format_ranges(ranges: Sequence[tuple[int, int]]) -> str:
    words = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:MAX_RANGES]]
    return ", ".join(words) + (" and more" if len(ranges) > MAX_RANGES else "")
