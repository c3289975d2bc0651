"""Who plays whom, as it is asked for: models by their folders, faces by identity or number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from effigie.errors import UsageError


@dataclass(frozen=True)
class Role:
    """A model, and whose face it replaces.

    Attributes:
        model: a folder made by :func:`effigie.swap.train`.
        who: None for whoever it was trained on, told by identity; a number for the n-th largest face of the first
            frame that shows so many (0 = largest), followed by identity from then on.
    """

    model: Path
    who: int | None = None

    def __post_init__(self) -> None:
        if self.who is not None and self.who < 0:
            raise UsageError(f"who must be 0 or more, not {self.who}")


def roles(model: str | Path | Role | Sequence[str | Path | Role]) -> list[Role]:
    """Of anything that names models.

    Raises:
        UsageError: there is none, or one twice, or two for one number.
    """
    given = [model] if isinstance(model, (str, Path, Role)) else list(model)
    cast = [one if isinstance(one, Role) else Role(Path(one)) for one in given]
    if not cast:
        raise UsageError("name a model: a folder made by `effigie train`")
    folders = [role.model.resolve() for role in cast]
    for number, role in enumerate(cast):
        if folders[number] in folders[:number]:
            raise UsageError(f"{role.model} is named twice: a model plays one person")
        if role.who is not None and role.who in [other.who for other in cast[:number]]:
            raise UsageError(f"two models are to play face {role.who}: each face can have one")
    return cast
