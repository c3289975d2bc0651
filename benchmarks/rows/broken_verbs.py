"""Every verb that reads media or folders, given something broken: what it does, and what it leaves behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows.broken_corpus import Recipe
from benchmarks.rows.small import Small
from benchmarks.rows.watched import Ask
from effigie.errors import EffigieError
from effigie.io.atomic import discard
from effigie.media import EncodeSettings
from effigie.progress import Progress

STILLS = (".png", ".jpg", ".webp", ".bmp", ".tif")
QUICKLY = EncodeSettings(preset="ultrafast", threads=1)
Alive = Callable[[], None]


@dataclass(frozen=True)
class Task:
    """A verb and what it is given: one broken file, or several where a verb takes clips by the dozen."""

    verb: str
    recipes: tuple[Recipe, ...]


def prepare(small: Small, whole: Path, lane: int) -> Ask:
    """In a process of its own: what does a :class:`Task`.

    Args:
        whole: an unharmed clip of the man that the broken ones are made of.
    """
    import torch

    torch.set_num_threads(1)
    verbs = Verbs(small, whole)

    def ask(task: Task, alive: Alive) -> str:
        with tempfile.TemporaryDirectory(prefix=f"effigie-broken-{lane}-") as folder:
            place = Path(folder)
            files = [recipe.make(place) for recipe in task.recipes]
            (place / "out").mkdir()
            try:
                return verbs(task.verb, files, place / "out", alive)
            except EffigieError:
                if left := sorted(path.name for path in (place / "out").rglob("*")):
                    raise AssertionError(f"refused, and left {left}") from None
                raise

    return ask


class Verbs:
    """The verbs by name; each gets the files, an empty folder for outputs, and a call that says it gets on."""

    def __init__(self, small: Small, whole: Path) -> None:
        self._small, self._whole = small, whole

    def __call__(self, verb: str, files: list[Path], out: Path, alive: Alive) -> str:
        said: str = getattr(self, f"_{verb}")(files if verb == "extract" else files[0], out, alive)
        if hidden := [path.name for path in out.rglob(".*")]:
            raise AssertionError(f"done, and left {hidden}")
        return said

    def _read(self, path: Path, out: Path, alive: Alive) -> str:
        """Probe, all frames, and some of the middle."""
        from effigie.media import Reader, probe

        probe(path)
        with Reader(path) as reader:
            count = sum(1 for _ in reader)
        with Reader(path, start=1, stop=3) as reader:
            middle = sum(1 for _ in reader)
        return f"{count} and {middle} frames"

    def _extract(self, paths: list[Path], out: Path, alive: Alive) -> str:
        import effigie
        from effigie.extraction import ExtractSettings

        settings = ExtractSettings(size=256, workers=1)
        faces = out / "faces"
        try:
            report = effigie.extract(paths, faces, settings, progress=lambda _: alive())
        finally:
            shutil.rmtree(faces, ignore_errors=True)
        return f"{report.clips} clips, {report.faces} faces, {len(report.failed)} failed"

    def _verify(self, path: Path, out: Path, alive: Alive) -> str:
        from effigie.provenance.verifier import verify

        return verify(path).verdict

    def _consent(self, path: Path, out: Path, alive: Alive) -> str:
        from effigie.consent import new_consent

        return f"{len(new_consent('somebody', [path]).to_bytes())} bytes"

    def _convert(self, path: Path, out: Path, alive: Alive) -> str:
        return self._converted(path, None, out, alive)

    def _paint(self, path: Path, out: Path, alive: Alive) -> str:
        """As the mask painted over a conversion."""
        return self._converted(self._whole, path, out, alive)

    def _converted(self, clip: Path, paint: Path | None, out: Path, alive: Alive) -> str:
        from effigie.swap import ConvertSettings, convert

        settings = ConvertSettings(encode=QUICKLY, paint=paint)
        report = convert(self._small.model, clip, out / "out.mp4", settings, progress=lambda _: alive())
        return f"{self._whole_output(out)} of {report.frames} frames"

    def _animate(self, path: Path, out: Path, alive: Alive) -> str:
        """A clip drives the portrait; a picture is one."""
        from effigie.heads.config import AnimateSettings
        from effigie.heads.inference.animation import animate

        still = path.suffix in STILLS
        report = animate(
            path if still else self._small.portrait,
            self._whole if still else path,
            out / "out.mp4",
            AnimateSettings(paint="geometry", size=160, encode=QUICKLY, stop_after=4),
            consent=self._small.consent,
            progress=lambda _: alive(),
        )
        return f"{self._whole_output(out)} of {report.frames} frames"

    def _evaluate(self, path: Path, out: Path, alive: Alive) -> str:
        from effigie.evaluate.protocols.swap import EvaluateSettings, evaluate_swap

        def told(progress: Progress) -> None:
            alive()

        scores = evaluate_swap(
            path, self._whole, *self._small.faces, settings=EvaluateSettings(crowd=0), progress=told
        )
        return type(scores).__name__

    def _whole_output(self, out: Path) -> str:
        """Frames that can be read of what was written, which then is removed."""
        from effigie.media import Reader

        with Reader(out / "out.mp4") as reader:
            count = sum(1 for _ in reader)
        for path in out.iterdir():
            discard(path)
        return str(count)
