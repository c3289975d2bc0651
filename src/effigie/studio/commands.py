"""The commands that jobs run: from the ids, names and figures of a page to the arguments a user would type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effigie.errors import UsageError
from effigie.studio.grants import find_challenge, find_clip
from effigie.studio.project_files import read_clip
from effigie.studio.records import find_consents
from effigie.studio.workspace import FACES, MODELS, RESULTS, Workspace

MAX_FILES = 1000  # of one command
MAX_TEXT = 2000  # characters of a text such as a consent's basis
USES = ("swap", "animate", "voice")


@dataclass(frozen=True)
class Command:
    """Arguments of `effigie`, run in the workspace; for the rest see :class:`effigie.studio.job.Job`."""

    title: str
    arguments: tuple[str, ...]
    lane: str = "long"
    made: dict[str, str] | None = None


class Wish:
    """What a page has sent for one command: fields are checked as they are read.

    Raises (every method):
        UsageError: a field is missing or of another kind.
        UnknownIdError: an id stands for nothing.
    """

    def __init__(self, workspace: Workspace, fields: Mapping[str, Any]) -> None:
        self.workspace = workspace
        self._fields = fields

    def path(self, field: str) -> Path:
        """The file that an id stands for."""
        return self.workspace.handles.resolve(self._string(field, 16))

    def paths(self, field: str) -> list[Path]:
        """The files that a list of ids stands for, at least one."""
        found = self._fields.get(field)
        if not isinstance(found, list) or not 0 < len(found) <= MAX_FILES:
            raise UsageError(f"{field}: choose one file or more, up to {MAX_FILES}")
        return [self.workspace.handles.resolve(one if isinstance(one, str) else "") for one in found]

    def short(self, field: str) -> str:
        return self.workspace.shorten(self.path(field))

    def shorts(self, field: str) -> list[str]:
        return [self.workspace.shorten(path) for path in self.paths(field)]

    def has(self, field: str) -> bool:
        return self._fields.get(field) not in (None, "", [])

    def text(self, field: str, default: str | None = None) -> str:
        """A line of text."""
        if default is not None and not self.has(field):
            return default
        return " ".join(self._string(field, MAX_TEXT).split())

    def number(self, field: str, low: float, high: float) -> str:
        """A number in a range, as it is typed."""
        value = self._fields.get(field)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise UsageError(f"{field}: give a number from {low:g} to {high:g}")
        return f"{value:g}"

    def output(self, kind: str, suffix: str = "") -> Path:
        """Where something new of the name in ``name`` goes."""
        return self.workspace.output(kind, self.text("name"), suffix)

    def consents(self, faces: Path | None) -> list[str]:
        """``--consent`` for the record that was chosen; else for those that may cover the source.

        Commands look in the user's own store alone; the workspace's records must be named.
        """
        paths = [self.record("consent")] if self.has("consent") else find_consents(self.workspace, "swap", faces)
        return [part for path in paths for part in ("--consent", self.workspace.shorten(path))]

    def record(self, field: str) -> Path:
        """The file of a consent record, by its id.

        Raises:
            ConsentError: there is none, or it is damaged.
        """
        from effigie.consent.document import is_id

        record_id = self._string(field, 64)
        if not is_id(record_id):
            raise UsageError(f"{field}: that is no record's id")
        return self.workspace.store.locate(record_id)[1]

    def _string(self, field: str, limit: int) -> str:
        value = self._fields.get(field)
        if not isinstance(value, str) or not value.strip() or len(value) > limit or not value.isprintable():
            raise UsageError(f"{field}: fill it in, with a line of up to {limit} characters")
        return value.strip()


def extract(wish: Wish) -> Command:
    """Faces of clips: ``clips``, ``name``."""
    output, clips = wish.output(FACES, ".faces"), wish.shorts("clips")
    arguments = ("extract", *clips, "-o", wish.workspace.shorten(output))
    return Command(f"Extract {wish.text('name')}", arguments, made={"output": str(output)})


def train(wish: Wish) -> Command:
    """A model: ``source``, ``target``, ``name``, and if wanted ``minutes`` and ``consent``."""
    output = wish.output(MODELS)
    arguments = ["train", "--source", wish.short("source"), "--target", wish.short("target")]
    arguments += ["-o", wish.workspace.shorten(output), *wish.consents(wish.path("source"))]
    if wish.has("minutes"):
        arguments += ["--minutes", wish.number("minutes", 0.1, 100_000)]
    return Command(f"Train {wish.text('name')}", tuple(arguments), made={"output": str(output)})


def train_on(wish: Wish) -> Command:
    """More minutes for a model: ``model``, ``source``, ``target``, ``minutes``."""
    model = wish.path("model")
    arguments = ["train", "--source", wish.short("source"), "--target", wish.short("target")]
    arguments += ["-o", wish.workspace.shorten(model), *wish.consents(wish.path("source"))]
    arguments += ["--minutes", wish.number("minutes", 0.1, 100_000)]
    return Command(f"Train {model.name} on", tuple(arguments), made={"output": str(model)})


def swap(wish: Wish) -> Command:
    """A swap at once: ``sources`` (photos, clips or a face set), ``clip``, ``name``, maybe ``minutes``, ``consent``."""
    output, clip = wish.output(RESULTS, ".mp4"), wish.path("clip")
    sources = wish.paths("sources")
    arguments = ["swap", *map(wish.workspace.shorten, sources), wish.workspace.shorten(clip)]
    faces = sources[0] if (sources[0] / "faceset.json").is_file() else None
    arguments += ["-o", wish.workspace.shorten(output), *wish.consents(faces)]
    if wish.has("minutes"):
        arguments += ["--minutes", wish.number("minutes", 0.1, 100_000)]
    return Command(f"Swap {wish.text('name')}", tuple(arguments), made={"output": str(output), "input": str(clip)})


def convert(wish: Wish) -> Command:
    """A clip rendered with a model: ``model``, ``clip``, ``name``."""
    output, clip = wish.output(RESULTS, ".mp4"), wish.path("clip")
    files = (wish.short("model"), wish.workspace.shorten(clip))
    arguments = ("convert", *files, "-o", wish.workspace.shorten(output))
    return Command(f"Render {wish.text('name')}", arguments, made={"output": str(output), "input": str(clip)})


def render(wish: Wish) -> Command:
    """A project rendered: ``project``, ``name``."""
    output, project = wish.output(RESULTS, ".mp4"), wish.path("project")
    arguments = ("convert", wish.workspace.shorten(project), "-o", wish.workspace.shorten(output))
    clip = read_clip(project)
    made = {"output": str(output)} | ({} if clip is None else {"input": str(clip)})
    return Command(f"Render {wish.text('name')}", arguments, made=made)


def animate(wish: Wish) -> Command:
    """A portrait that moves: ``portrait``, ``name``, and of ``template``, ``driver`` and ``speech`` at least one."""
    output, portrait = wish.output(RESULTS, ".mp4"), wish.path("portrait")
    arguments = ["animate", wish.workspace.shorten(portrait)]
    for field in ("template", "driver", "speech"):
        if wish.has(field):
            arguments += [f"--{field}", wish.short(field)]
    if len(arguments) == 2:
        raise UsageError("nothing moves the portrait: choose a template, a driver or a sound")
    arguments += ["-o", wish.workspace.shorten(output)]
    for path in find_consents(wish.workspace, "animate", None):
        arguments += ["--consent", wish.workspace.shorten(path)]
    return Command(f"Animate {wish.text('name')}", tuple(arguments), made={"output": str(output)})


def demo(wish: Wish) -> Command:
    """The demo on samples: ``minutes`` of training."""
    output = wish.workspace.root / "demo"
    arguments = ("demo", "-o", "demo", "--minutes", wish.number("minutes", 0.1, 1000))
    return Command("Make the demo", arguments, made={"output": str(output)})


def consent_new(wish: Wish) -> Command:
    """A record that the user attests: ``subject``, ``photos``, ``uses``, ``until``, ``basis``, maybe ``evidence``."""
    folder = wish.workspace.store.folders[0]
    return _ask_consent(wish, "new", folder / f"{_file_name(wish)}.json", "Record of")


def consent_request(wish: Wish) -> Command:
    """A request that the person grants on their own machine; fields as for a record."""
    output = wish.workspace.root / "requests" / f"{_file_name(wish)}.request.json"
    return _ask_consent(wish, "request", output, "Request to")


def consent_revoke(wish: Wish) -> Command:
    """The revocation of a record: ``record``, ``reason``."""
    path = wish.record("record")
    arguments = ["consent", "revoke", wish.workspace.shorten(path), "--in", str(wish.workspace.root)]
    if wish.has("reason"):
        arguments.append(f"--reason={wish.text('reason')}")
    return Command(f"Revoke {path.stem}", tuple(arguments), "quick")


def consent_answer(wish: Wish) -> Command:
    """The check of a clip that answers a challenge: ``nonce``; whoever passes has granted."""
    from effigie.consent.grant_challenge import GrantChallenge
    from effigie.io.storage import safe_name

    challenge = find_challenge(wish.workspace, wish.text("nonce"))
    clip, asked = find_clip(wish.workspace, challenge.stem), GrantChallenge.load(challenge).asked
    name = safe_name(asked.subject.replace("/", "_")).replace(" ", "-").lower()
    output = wish.workspace.store.folders[0] / f"{name}-{challenge.stem[:8]}.json"
    files = [wish.workspace.shorten(path) for path in (challenge, clip)]
    arguments = ("consent", "answer", *files, "-o", wish.workspace.shorten(output), "--in", str(wish.workspace.root))
    return Command(f"Check the grant of {asked.subject}", arguments, "quick", {"output": str(output)})


def drop_faces(wish: Wish) -> Command:
    """Faces taken out of a set for good: ``faces``, ``names`` (``clip:frame:track``)."""
    from effigie.faceset.edit import parse_face_name

    path, names = wish.path("faces"), wish._fields.get("names")
    if not isinstance(names, list) or not 0 < len(names) <= MAX_FILES:
        raise UsageError(f"names: mark one face or more, up to {MAX_FILES} at a time")
    checked = ["{}:{}:{}".format(*parse_face_name(str(name))) for name in names]
    arguments = ("faces", "drop", wish.workspace.shorten(path), *checked)
    return Command(f"Drop {len(checked)} of {path.name}", arguments, "quick")


COMMANDS: dict[str, Callable[[Wish], Command]] = {
    "extract": extract,
    "train": train,
    "train-on": train_on,
    "swap": swap,
    "convert": convert,
    "render": render,
    "animate": animate,
    "demo": demo,
    "consent-new": consent_new,
    "consent-request": consent_request,
    "consent-revoke": consent_revoke,
    "consent-answer": consent_answer,
    "drop-faces": drop_faces,
}

WRITING = ("extract", "train", "swap", "convert", "render", "animate", "consent-new", "consent-request")
"""Commands whose output must be new."""


def build_command(workspace: Workspace, kind: str, fields: Mapping[str, Any]) -> Command:
    """The command of a kind, of :data:`COMMANDS`.

    Raises:
        UsageError: no such kind, or a field that cannot be.
        UnknownIdError: an id stands for nothing.
        UsageError: what it would write is there already.
    """
    if kind not in COMMANDS:
        raise UsageError(f"there is no command {kind!r}")
    command = COMMANDS[kind](Wish(workspace, fields))
    output = Path((command.made or {}).get("output", ""))
    if kind in WRITING and output.exists():
        raise UsageError(f"{output.name} is there already: choose another name")
    if any(argument.startswith("-") for argument in command.arguments[:1]):
        raise UsageError("a command begins with its verb")
    return command


def _ask_consent(wish: Wish, verb: str, output: Path, title: str) -> Command:
    subject = wish.text("subject")
    if subject.startswith("-"):
        raise UsageError("subject: a name does not begin with a dash")
    uses = wish._fields.get("uses")
    if not isinstance(uses, list) or not uses or not set(uses) <= set(USES):
        raise UsageError(f"uses: choose of {', '.join(USES)}")
    arguments = ["consent", verb, subject]
    for photo in wish.shorts("photos"):
        arguments += ["--photo", photo]
    arguments += ["--uses", ",".join(use for use in USES if use in uses)]
    arguments += [f"--{field}={wish.text(field)}" for field in ("until", "purpose", "basis") if wish.has(field)]
    for file in wish.shorts("evidence") if wish.has("evidence") else []:
        arguments += ["--evidence", file]
    arguments += ["-o", wish.workspace.shorten(output)]
    return Command(f"{title} {subject}", tuple(arguments), "quick", {"output": str(output)})


def _file_name(wish: Wish) -> str:
    """A file name of a person's name."""
    from effigie.io.storage import safe_name

    return safe_name(wish.text("subject").replace("/", "_")).replace(" ", "-").lower()
