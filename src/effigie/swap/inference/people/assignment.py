"""Which model replaces whose face: models by their folders, faces by identity or number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from effigie.errors import UsageError
from effigie.io.stored_names import STORED_NAME


@dataclass(frozen=True)
class PersonAssignment:
    """A model, and the person whose face it replaces.

    Attributes:
        model: a folder made by :func:`effigie.swap.train`.
        person: None for whoever it was trained on, told by identity; a number for the n-th largest face of the first
            frame that shows so many (0 = largest), followed by identity from then on.
    """

    model: Path
    person: int | None = field(default=None, metadata={STORED_NAME: "who"})

    def __post_init__(self) -> None:
        if self.person is not None and self.person < 0:
            raise UsageError(f"person must be 0 or more, not {self.person}")


def parse_assignments(
    model: str | Path | PersonAssignment | Sequence[str | Path | PersonAssignment],
) -> list[PersonAssignment]:
    """The assignments that anything which names models stands for; no model twice, no number twice."""
    models = [model] if isinstance(model, (str, Path, PersonAssignment)) else list(model)
    assignments = [one if isinstance(one, PersonAssignment) else PersonAssignment(Path(one)) for one in models]
    if not assignments:
        raise UsageError("name a model: a folder made by `effigie train`")
    folders = [assignment.model.resolve() for assignment in assignments]
    for number, assignment in enumerate(assignments):
        if folders[number] in folders[:number]:
            raise UsageError(f"{assignment.model} is named twice: a model plays one person")
        if assignment.person is not None and assignment.person in [other.person for other in assignments[:number]]:
            raise UsageError(f"two models are to play face {assignment.person}: each face can have one")
    return assignments
