"""The clips of the bench: the samples that pip carries, or a folder with more people."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.rows.cuts import beside, cut, looped
from effigie.assets import ASSETS, fetch
from effigie.errors import UsageError
from effigie.media import Reader, probe

SHORT_CLIPS = 20
SHORT_FRAMES = 75
WOMAN, MAN = "pexels_woman", "pyfeat_man"
TRAIN_SHARE = 0.8  # of a single clip; the rest, at its end, is for testing


@dataclass(frozen=True)
class Actor:
    """A person with clips to train on and others to test on, and the terms on which they may be shown."""

    name: str
    train: tuple[Path, ...]
    test: tuple[Path, ...]
    terms: str


@dataclass(frozen=True)
class Labelled:
    """A clip and how many people are seen in it."""

    path: Path
    people: int


@dataclass(frozen=True)
class Heads:
    """What talking heads are learned from and measured on: nobody is in both.

    Attributes:
        films, stills: to learn from.
        held_out_films, held_out_stills: to measure on.
    """

    films: tuple[Path, ...]
    stills: tuple[Path, ...]
    held_out_films: tuple[Path, ...]
    held_out_stills: tuple[Path, ...]


@dataclass(frozen=True)
class Scene:
    """A clip of several people, and who is to be seen in whose place.

    Attributes:
        clip: it shows all of the targets.
        roles: source and target of each.
    """

    clip: Path
    roles: tuple[tuple[Actor, Actor], ...]


class Material(Protocol):
    """Where the rows get their clips."""

    @property
    def name(self) -> str:
        """What the tables call it."""
        ...

    def pairs(self) -> list[tuple[str, str]]:
        """Names of people to swap with each other, both ways."""
        ...

    def actor(self, name: str) -> Actor:
        """One of them; clips that must be cut are cut at first use."""
        ...

    def long_clip(self) -> Path:
        """One clip of a minute or so."""
        ...

    def short_clips(self) -> list[Path]:
        """Twenty clips of a few seconds."""
        ...

    def labeled(self) -> list[Labelled]:
        """Clips of which it is known how many people they show."""
        ...

    def scene(self) -> Scene:
        """A clip of two people, each to be swapped with somebody of their own."""
        ...

    def heads(self) -> Heads:
        """Films and portraits for talking heads."""
        ...


def split(clip: Path, name: str, work: Path, terms: str) -> Actor:
    """An actor of one clip: its first part to train on, its last to test on."""
    with Reader(clip) as reader:
        count = sum(1 for _ in reader)
    edge = round(TRAIN_SHARE * count)
    return Actor(
        name,
        (cut(clip, work / f"{name}-train.mp4", 0, edge),),
        (cut(clip, work / f"{name}-test.mp4", edge, count),),
        terms,
    )


class Samples:
    """The clips that pip carries: a woman and a man.

    Args:
        work: folder for what is cut out of them.
    """

    name = "pip samples"

    def __init__(self, work: Path) -> None:
        self._work = work

    def pairs(self) -> list[tuple[str, str]]:
        return [(WOMAN, MAN)]

    def actor(self, name: str) -> Actor:
        if name == WOMAN:
            return split(fetch("sample_woman"), name, self._work, ASSETS["sample_woman"].license)
        train = (fetch("sample_man_leaves"), fetch("sample_man_enters"))
        return Actor(name, train, (fetch("sample_man"),), ASSETS["sample_man"].license)

    def long_clip(self) -> Path:
        return looped(fetch("sample_woman"), self._work / "long.mp4", 3)

    def short_clips(self) -> list[Path]:
        return self.parts(SHORT_FRAMES)

    def parts(self, frames: int, count: int = SHORT_CLIPS) -> list[Path]:
        """Clips of so many frames, all of the same woman, from evenly spread beginnings."""
        clip = fetch("sample_woman")
        step = ((probe(clip).frames or 472) - frames) // (count - 1)
        starts = [number * step for number in range(count)]
        return [
            cut(clip, self._work / f"of-{frames}-from-{start}.mp4", start, start + frames) for start in starts
        ]

    def labeled(self) -> list[Labelled]:
        people = ("sample_woman", "sample_man", "sample_man_leaves", "sample_man_enters")
        return [Labelled(fetch(name), 1) for name in people] + [Labelled(fetch("sample_no_face"), 0)]

    def scene(self) -> Scene:
        """Both of them side by side, each with the other's face."""
        woman, man = self.actor(WOMAN), self.actor(MAN)
        clip = beside(man.test[0], woman.test[0], self._work / "beside.mp4")
        return Scene(clip, ((woman, man), (man, woman)))

    def heads(self) -> Heads:
        return Heads((), (), (fetch("sample_woman"), fetch("sample_man")), ())


class Folder:
    """A folder with ``clips/`` and ``clips.tsv`` (columns file, person, frames and more).

    Args:
        work: folder for what is cut out of them.

    Raises:
        UsageError: it is no such folder.
    """

    HELD_OUT = ("bbbz8n.mpg", "bbbz9s.mpg")
    PAIRS = (("grid_s1", "clm_author"), ("openav_A", WOMAN))
    SCENE, TOGETHER = "intel_F+M", ("intel_F", "intel_M")
    UNSEEN = ("openav_A", WOMAN, MAN, "grid_lbax4n")  # films of whom no talking head is learned

    def __init__(self, folder: str | Path, work: Path) -> None:
        self._folder, self._work = Path(folder), work
        table = self._folder / "clips.tsv"
        if not table.is_file() or not (self._folder / "clips").is_dir():
            raise UsageError(f"{folder} is no data folder: it must hold clips.tsv and clips/")
        with table.open(encoding="utf-8", newline="") as stream:
            self._rows = list(csv.DictReader(stream, delimiter="\t"))
        if not self._rows or not {"file", "person"} <= set(self._rows[0]):
            raise UsageError(f"{table} lacks rows, or the columns file and person")

    @property
    def name(self) -> str:
        return "data folder"

    def pairs(self) -> list[tuple[str, str]]:
        there = {row["person"] for row in self._rows}
        found = [pair for pair in self.PAIRS if set(pair) <= there]
        if not found:
            raise UsageError(f"{self._folder} has none of the pairs {', '.join(map('/'.join, self.PAIRS))}")
        return found

    def long_clip(self) -> Path:
        longest = max(
            (row for row in self._rows if row["person"] != "none"), key=lambda row: int(row["frames"])
        )
        return self._clip(longest["file"])

    def short_clips(self) -> list[Path]:
        alike = [path for path in self._of("grid_s1") if path.name not in self.HELD_OUT]
        if len(alike) < SHORT_CLIPS:
            raise UsageError(f"{self._folder} has no {SHORT_CLIPS} clips of grid_s1")
        return alike[:SHORT_CLIPS]

    def labeled(self) -> list[Labelled]:
        counts = {"none": 0}
        return [
            Labelled(self._clip(row["file"]), counts.get(row["person"], 1 + row["person"].count("+")))
            for row in self._rows
        ]

    def scene(self) -> Scene:
        """Two people who sit side by side in a real one."""
        woman, man = (Actor(name, tuple(self._of(name)), (), self._terms(name)) for name in self.TOGETHER)
        return Scene(
            self._of(self.SCENE)[0],
            ((self.actor(WOMAN), woman), (self.actor("clm_author"), man)),
        )

    def heads(self) -> Heads:
        """Of the London portraits, named by who it is, every seventh person is kept out, twelve in all."""
        portraits = self._folder / "portraits"
        london = sorted((portraits / "london").glob("*.jpg"))
        unseen = set(sorted({path.name[:4] for path in london})[3::7][:12])
        single = [row for row in self._rows if row["person"] != "none" and "+" not in row["person"]]
        films = {held: [r for r in single if (r["person"] in self.UNSEEN) == held] for held in (False, True)}
        return Heads(
            tuple(self._clip(row["file"]) for row in films[False]),
            (
                *(path for path in london if path.name[:4] not in unseen),
                *sorted((portraits / "congress").glob("*.jpg")),
            ),
            tuple(self._clip(row["file"]) for row in films[True]),
            tuple(path for path in london if path.name[:4] in unseen),
        )

    def actor(self, name: str) -> Actor:
        clips = self._of(name)
        if name == WOMAN:
            return split(clips[0], name, self._work, self._terms(name))
        tests = {
            "grid_s1": self.HELD_OUT,
            "clm_author": ("cap13_edit2.mp4",),
            "openav_A": ("phrase_1.mp4", "phrase_2.mp4"),
        }[name]
        return Actor(name, *_divided(clips, tests), self._terms(name))

    def _of(self, person: str) -> list[Path]:
        return [self._clip(row["file"]) for row in self._rows if row["person"] == person]

    def _terms(self, person: str) -> str:
        row = next(row for row in self._rows if row["person"] == person)
        return row.get("licence") or "the data folder's terms"

    def _clip(self, name: str) -> Path:
        return self._folder / "clips" / name


def _divided(clips: Iterable[Path], tests: Iterable[str]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    held_out = set(tests)
    train = tuple(clip for clip in clips if clip.name not in held_out)
    test = tuple(clip for clip in clips if clip.name in held_out)
    missing = held_out - {clip.name for clip in test}
    if missing or not train:
        raise UsageError(f"clips are missing: {', '.join(sorted(missing)) or 'all to train on'}")
    return train, test
