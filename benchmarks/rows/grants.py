"""Row: whether a challenge before a camera lets the person through, and neither photos, old clips nor made ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.attacks import Attack, refilm, resize
from benchmarks.fixtures.answers import (
    AUTHOR_1,
    GENUINE,
    WEBCAM,
    WOMAN,
    Part,
    ask,
    cut_part,
    read_frames,
    record_with_webcam,
    write_clip,
)
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.sheets import Sheet, show_sheet
from effigie.consent import new_consent
from effigie.consent.document import Consent
from effigie.consent.grant_challenge import draw_steps
from effigie.consent.store import ConsentStore
from effigie.consent.witness import BLINK, LOOK_UP, OPEN_MOUTH, SMILE, TURN_LEFT, TURN_RIGHT
from effigie.errors import RefusedError
from effigie.evaluate.report.figures import Figure
from effigie.granting.answer import answer_grant
from effigie.granting.motions import Motion, find_motions, match_steps, mirror_steps
from effigie.granting.performance import measure_performance
from effigie.heads import AnimateSettings, animate
from effigie.io.atomic_write import read_json, write_json
from effigie.media import probe
from effigie.progress import Progress
from effigie.provenance.config import TrustSettings
from effigie.swap import ConvertSettings, swap_clip

DRAWS = 2000  # random challenges that an old clip is tried on
MADE = ((2, "pexels_woman"), (11, "clm_author"))
"""Made clips: whose motions they have, of GENUINE, and whose face."""
PHOTOS = ((AUTHOR_1, 18.9), (WOMAN, 9.2))
OTHER_STEPS = (LOOK_UP, TURN_LEFT, OPEN_MOUTH, BLINK, TURN_RIGHT)
SENT = (
    Attack("as made", "made"),
    Attack("H.264, CRF 28", "made", crf=28),
    Attack("filmed off a screen", "made", refilm()),
    Attack("half size, CRF 33", "made", resize(0.5), crf=33),
)


def grants(context: RowContext) -> RowResult:
    """Every genuine answer and every attack through `answer_grant`, each with a challenge that its motions answer."""
    trial = _Trial(context)
    outcomes: dict[str, list[str]] = defaultdict(list)
    for kind, clip, record, steps in trial.cases():
        context.cancel.check()
        done = sum(len(lines) for lines in outcomes.values())
        context.progress(Progress("answers", done, None, "clips", kind))
        outcomes[kind].append(trial.refusal(clip, record, steps))
    figures: list[Figure] = []
    seen: list[str] = []
    innocent = ("genuine", "unmarked")
    attacks = [line for kind, lines in outcomes.items() if not kind.startswith(innocent) for line in lines]
    right = [line for kind, lines in outcomes.items() if kind.startswith("genuine") for line in lines]
    figures.append(Figure("genuine answers let through", _percent(not line for line in right), "%", at_least=100))
    seen.append(f"{len(right)} answers")
    figures.append(Figure("attacks refused", _percent(bool(line) for line in attacks), "%", at_least=95))
    seen.append(f"{len(attacks)} attacks")
    for kind, lines in outcomes.items():
        is_right = kind.startswith("genuine")
        share = _percent(bool(line) != is_right for line in lines)
        figures.append(Figure(f"{kind}: {'let through' if is_right else 'refused'}", share, "%"))
        seen.append(f"{len(lines)} clips; {_count_reasons(lines)}")
    by_chance, backwards, count = trial.replays()
    figures.append(Figure("an old clip answers a random challenge", by_chance, "%", at_most=1))
    seen.append(f"{count} clips, {DRAWS} challenges each")
    figures.append(Figure("an old clip answers its own motions backwards", backwards, "%"))
    seen.append(f"{count} clips")
    figures += [Figure("relief, least of what was let through", min(trial.reliefs, default=float("nan")))]
    seen.append("of the turn that tells most")
    notes = [
        "nobody of the material was asked to do anything: the order is that of what a part of a clip shows, so most "
        "have fewer or more steps than the five that are drawn, and the genuine answers are of two people",
        "unmarked: made by effigie with its mark left out and its credentials removed; not counted among the attacks",
    ]
    return RowResult("Grants before a camera", figures, {"seen": seen}, notes)


def _answers(steps: Sequence[str], motions: Sequence[Motion]) -> bool:
    return any(match_steps(way, motions) is not None for way in (steps, mirror_steps(steps)))


def _percent(outcomes: Iterable[bool]) -> float:
    return 100 * float(np.mean(list(outcomes)))


def _count_reasons(lines: list[str]) -> str:
    counts: dict[str, int] = defaultdict(int)
    for line in lines:
        for words, reason in _REASONS.items():
            if words in line:
                counts[reason] += 1
    return ", ".join(f"{reason} {count}" for reason, count in counts.items()) or "no reason to refuse"


_REASONS = {
    "made with effigie": "mark",
    "and asked for was": "motions",
    "flat or bent": "relief",
    "no turn of the head": "no turn",
    "jumps as where": "joined",
    "not known as that of": "face",
    "too small": "small",
    "no face": "no face",
    "is lost": "face lost",
}


class _Trial:
    """Clips and records in a folder of their own."""

    def __init__(self, context: RowContext) -> None:
        self._context = context
        self._folder = context.work / "grants"
        self._folder.mkdir(parents=True, exist_ok=True)
        clip = context.material.labeled_clips()[0].path
        self._data = clip.parent
        self.reliefs: list[float] = []  # of what was let through
        self._outcomes = self._folder / "outcomes.json"
        self._found: dict[str, Any] = read_json(self._outcomes) if self._outcomes.is_file() else {}
        self._parts = GENUINE[2:3] if context.quick else GENUINE

    def cases(self) -> Iterator[tuple[str, Path, Consent, tuple[str, ...]]]:
        """Kind, clip, record and steps of each answer."""
        for number, part in enumerate(self._parts):
            yield "genuine, as filmed", self._genuine(part), self._record(part), part.steps
            if number in WEBCAM:
                webcam = record_with_webcam(self._genuine(part), self._folder / f"webcam-{number}")
                yield "genuine, mirrored and as a browser records", webcam, self._record(part), part.steps
        for part in self._parts[:: 1 if self._context.quick else 3]:
            somebody = next(one for one in GENUINE if one.person != part.person)
            yield "somebody else does it", self._genuine(part), self._record(somebody), part.steps
        yield from self._made()
        yield from self._old_clips()
        yield from self._photos()

    def refusal(self, clip: Path, record: Consent, steps: tuple[str, ...]) -> str:
        """Why an answer is refused; empty if it is not. What was found once is not measured again."""
        name = f"{clip.name} {record.subject} {' '.join(steps)}"
        if name not in self._found:
            self._found[name] = self._answer(clip, record, steps)
            write_json(self._outcomes, self._found)
        line, relief = self._found[name]
        if relief is not None:
            self.reliefs.append(relief)
        return str(line)

    def _answer(self, clip: Path, record: Consent, steps: tuple[str, ...]) -> tuple[str, float | None]:
        nowhere = ConsentStore([self._folder / "nowhere"])
        try:
            granted = answer_grant(ask(record, steps), clip, store=nowhere, cancel=self._context.cancel)
        except RefusedError as error:
            return str(error), None
        assert granted.witness is not None and granted.witness.relief is not None
        return "", granted.witness.relief / 1000

    def replays(self) -> tuple[float, float, int]:
        """Shares of challenges that old clips answer, %: of random ones, of their own backwards; and how many clips."""
        by_chance, backwards = [], []
        parts = [part for part in self._parts if BLINK in part.steps][::2]
        for part in parts:
            motions = find_motions(measure_performance(self._genuine(part)))
            by_chance += [_answers(draw_steps(), motions) for _ in range(DRAWS)]
            backwards.append(_answers(part.steps[::-1], motions))
        return _percent(by_chance), _percent(backwards), len(parts)

    def _genuine(self, part: Part) -> Path:
        name = f"{part.person}-{Path(part.clip).stem}-{part.begin:g}-{part.end:g}.mp4"
        return cut_part(self._data, part, self._folder / name)

    def _record(self, part: Part) -> Consent:
        return self._known(part.person, part.known_by)

    def _known(self, person: str, known_by: tuple[str, float, float]) -> Consent:
        clip, begin, end = known_by
        path = self._folder / f"{person}-{Path(clip).stem}-{begin:g}.json"
        if not path.is_file():
            photo = write_clip(path.with_suffix(".mp4"), self._data / clip, read_frames(self._data / clip, begin, end))
            new_consent(person, [photo], ("swap", "animate"), basis="material of the benchmark", evidence=[photo]).save(
                path
            )
        return Consent.load(path)

    def _photos(self) -> Iterator[tuple[str, Path, Consent, tuple[str, ...]]]:
        steps = (TURN_LEFT, TURN_RIGHT, LOOK_UP, BLINK, OPEN_MOUTH)
        moves: dict[str, Callable[[float], Sheet]] = {
            "photo, still": lambda _: Sheet(),
            "photo, moved and turned in the plane": lambda t: Sheet(roll=15 * np.sin(t), shift=40 * np.sin(2 * t)),
            "photo, turned and tilted": lambda t: Sheet(*_swing(t, 45)),
            "photo, bent and turned": lambda t: Sheet(*_swing(t, 45), bend=0.7),
            "photo, bent hard and turned": lambda t: Sheet(*_swing(t, 50), bend=1.2),
        }
        for clip, second in PHOTOS[: 1 if self._context.quick else None]:
            part = next(one for one in GENUINE if one.clip == clip)
            photo = read_frames(self._data / clip, second, second + 0.1)[0]
            for name, move in moves.items():
                output = self._folder / f"{name}-{Path(clip).stem}.mp4"
                if not output.is_file():
                    frames = (show_sheet(photo, move(2 * np.pi * number / 100)) for number in range(150))
                    write_clip(output, self._data / clip, frames)
                yield name, output, self._record(part), steps
                if "hard" in name:  # asked for the turn alone, so that nothing but its relief can refuse it
                    yield f"{name}, asked to turn and no more", output, self._record(part), _turns_seen(output)

    def _old_clips(self) -> Iterator[tuple[str, Path, Consent, tuple[str, ...]]]:
        for number, part in enumerate(self._parts):
            if number % 2 == 0:
                yield "old clips, joined to the order asked for", *self._join(part)
            elif number % 4 == 1:
                yield "old clip, a random challenge", self._genuine(part), self._record(part), OTHER_STEPS

    def _join(self, part: Part) -> tuple[Path, Consent, tuple[str, ...]]:
        """The part's motions, each cut out, put into another order."""
        clip = self._genuine(part)
        motions = match_steps(part.steps, find_motions(measure_performance(clip))) or []
        order = list(range(len(motions)))[::-1]
        output = self._folder / f"joined-{clip.name}"
        if not output.is_file():
            pieces = [read_frames(clip, motions[at].begin - 0.4, motions[at].end + 0.4) for at in order]
            write_clip(output, clip, (frame for piece in pieces for frame in piece))
        return output, self._record(part), tuple(part.steps[at] for at in order)

    def _made(self) -> Iterator[tuple[str, Path, Consent, tuple[str, ...]]]:
        faces = {part.person: (self._record(part), part.known_by) for part in (GENUINE[0], GENUINE[-1])}
        for at, person in MADE[: 1 if self._context.quick else None]:
            part, (record, known_by) = GENUINE[at], faces[person]
            source = self._folder / f"{person}-{Path(known_by[0]).stem}-{known_by[1]:g}.mp4"
            for kind, make in (("swap", _swap), ("animation", _animate)):
                marked, plain = (
                    make(source, self._genuine(part), record, self._folder / f"{kind}-{person}-{at}{end}.mp4", mark)
                    for end, mark in (("", True), ("-unmarked", False))
                )
                for attack in SENT:
                    yield f"{kind}, {attack.name}", _send(marked, attack), record, part.steps
                yield f"unmarked {kind}", _send(plain, replace(SENT[1], name="plain", crf=20)), record, part.steps


def _swing(turns: float, degrees: float) -> tuple[float, float]:
    """Yaw and pitch of a sheet that is turned to one side, to the other, and back up."""
    return degrees * float(np.sin(turns)), -0.7 * degrees * max(0.0, float(np.sin(turns / 2 + np.pi)))


def _turns_seen(clip: Path) -> tuple[str, ...]:
    """The turns that the trackers see in a clip; one that they do not see where there are none."""
    kinds = [motion.kind for motion in find_motions(measure_performance(clip)) if motion.kind not in (BLINK, SMILE)]
    found = [kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before]
    return tuple(found[:8]) or (TURN_LEFT,)


def _send(clip: Path, attack: Attack) -> Path:
    """A clip as it is handed in; encoded anew, as it comes from a camera that a program feeds."""
    if attack.name == "as made":
        return clip
    stem = clip.with_name(f"{clip.stem}-{attack.name.replace(' ', '-').replace(',', '')}")
    output = stem.with_suffix(".mp4")
    return output if output.is_file() else attack.apply(read_frames(clip), probe(clip).rate or Fraction(25), stem)


def _swap(source: Path, clip: Path, record: Consent, output: Path, mark: bool) -> Path:
    if not output.is_file():
        settings = ConvertSettings(trust=TrustSettings(watermark=mark))
        swap_clip(source, clip, output, settings, consent=record)
    return output


def _animate(source: Path, clip: Path, record: Consent, output: Path, mark: bool) -> Path:
    if not output.is_file():
        settings = AnimateSettings(trust=TrustSettings(watermark=mark))
        animate(source, clip, output, settings, consent=record)
    return output
