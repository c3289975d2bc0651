"""What a conversion has to say about its people: who was not found, seen twice, turned too far, made up in part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from effigie.faces.person_matcher import REPEATED_SIMILARITY, PersonMatcher
from effigie.progress import format_count
from effigie.swap.inference.people.state import PersonState


def collect_notes(people: Sequence[PersonState], matcher: PersonMatcher, clip: Path) -> Iterator[str]:
    """Lines for the report, each with its model where there are several.

    Args:
        matcher: which has found the people in the frames of ``clip``.
    """
    for number, person in enumerate(people):
        if not person.swapped:
            yield f"{person.assignment.model}: {explain_absence(people, matcher, clip, number)}"
    for number, person in enumerate(people):
        turned = dict.fromkeys(note for one in person.states for note in one.swapper.pose_log.notes())
        repeated = _describe_repeats(matcher, number, person.assignment.person is not None)
        for note in (*person.notes, *repeated, *person.inventions.notes(), *turned):
            yield f"{person.assignment.model}: {note}" if len(people) > 1 else note


def explain_absence(people: Sequence[PersonState], matcher: PersonMatcher, clip: Path, number: int) -> str:
    """Why a person was replaced in no frame, and what to do."""
    person = people[number].assignment.person
    if notes := people[number].swapper.pose_log.notes():
        return f"{clip}: {notes[0]}"
    by_number = "--person" if len(people) == 1 else "--map NUMBER=MODEL"
    if not matcher.max_faces:
        return f"{clip} shows no face, so nothing is swapped: choose footage in which somebody can be seen"
    if person is not None:
        return (
            f"{clip} never shows {person + 1} faces at once, at most {matcher.max_faces}: "
            f"choose a smaller number with {by_number}"
        )
    return (
        f"nobody in {clip} is the person this model was trained on (best likeness "
        f"{matcher.best_similarity[number]:.2f}): choose a face with {by_number}, 0 being the largest"
    )


def _describe_repeats(matcher: PersonMatcher, number: int, by_number: bool) -> Iterator[str]:
    """Notes on a person who is in frames more than once."""
    log = matcher.repeats[number]
    if log.frames:
        frames = format_count(log.frames, "frame")
        yield f"in {frames} the person is seen more than once, as in a mirror: every face of theirs was replaced"
    if log.rejections:
        reason = f"its likeness is {log.rejected_similarity:.2f} at most, and a second one needs {REPEATED_SIMILARITY}"
        if by_number:
            reason = "of a face chosen by number no second one is replaced"
        frames = format_count(log.rejections, "frame")
        yield f"in {frames} another face that may be the same person's was left: {reason}"
