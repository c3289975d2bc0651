"""The commands that jobs run: from the ids, names and figures of a page to the arguments a user would type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from effigie.errors import UsageError
from effigie.studio.grants import find_challenge, find_clip
from effigie.studio.jobs.voice_commands import VOICE_COMMANDS, WRITING_VOICES
from effigie.studio.jobs.wish import MAX_FILES, Command, Wish
from effigie.studio.project_files import read_clip
from effigie.studio.records import find_consents
from effigie.studio.workspace import FACES, MODELS, RESULTS, Workspace

USES = ("swap", "animate", "voice")


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
    products = {"output": str(output)} | ({} if clip is None else {"input": str(clip)})
    return Command(f"Render {wish.text('name')}", arguments, made=products)


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


def measure(wish: Wish) -> Command:
    """A swap beside its original: ``result``, ``clip``, and face sets of both people: ``source``, ``target``."""
    result = wish.path("result")
    files = [f"--input={wish.short('clip')}", f"--source={wish.short('source')}", f"--target={wish.short('target')}"]
    arguments = ("evaluate", "swap", wish.workspace.shorten(result), *files, "--json")
    return Command(f"Measure {result.name}", arguments)


def demo(wish: Wish) -> Command:
    """The demo on samples: ``minutes`` of training."""
    output = wish.workspace.root / "demo"
    arguments = ("demo", "-o", "demo", "--minutes", wish.number("minutes", 0.1, 1000))
    return Command("Make the demo", arguments, made={"output": str(output)})


def consent_new(wish: Wish) -> Command:
    """A record that the user attests: ``subject``, ``photos`` or ``recordings``, ``uses``, other terms as wanted."""
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
    clip, request = find_clip(wish.workspace, challenge.stem), GrantChallenge.load(challenge).request
    name = safe_name(request.subject.replace("/", "_")).replace(" ", "-").lower()
    output = wish.workspace.store.folders[0] / f"{name}-{challenge.stem[:8]}.json"
    files = [wish.workspace.shorten(path) for path in (challenge, clip)]
    arguments = ("consent", "answer", *files, "-o", wish.workspace.shorten(output), "--in", str(wish.workspace.root))
    return Command(f"Check the grant of {request.subject}", arguments, "quick", {"output": str(output)})


def review_faces(wish: Wish) -> Command:
    """What is wrong with the faces of a set: ``faces``, maybe ``target``; the findings are the job's answer."""
    path = wish.path("faces")
    arguments = ["faces", "review", wish.workspace.shorten(path)]
    if wish.has("target"):
        arguments += ["--target", wish.short("target")]
    return Command(f"Review {path.name}", (*arguments, "--json"), "quick")


def drop_faces(wish: Wish) -> Command:
    """Faces taken out of a set for good: ``faces``, ``names`` (``clip:frame:track``)."""
    from effigie.faceset.edit import parse_face_name

    path, names = wish.path("faces"), wish.fields.get("names")
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
    "measure": measure,
    "demo": demo,
    "consent-new": consent_new,
    "consent-request": consent_request,
    "consent-revoke": consent_revoke,
    "consent-answer": consent_answer,
    "review-faces": review_faces,
    "drop-faces": drop_faces,
    **VOICE_COMMANDS,
}

WRITING = (
    *("extract", "train", "swap", "convert", "render", "animate", "consent-new", "consent-request"),
    *WRITING_VOICES,
)
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
    uses = wish.fields.get("uses")
    if not isinstance(uses, list) or not uses or not set(uses) <= set(USES):
        raise UsageError(f"uses: choose of {', '.join(USES)}")
    arguments = ["consent", verb, subject]
    for field, option in (("photos", "--photo"), ("recordings", "--voice")):
        for file in wish.shorts(field) if wish.has(field) else []:
            arguments += [option, file]
    if len(arguments) == 3:
        raise UsageError("choose a photo or clip of the person, or a recording of their voice")
    if ("voice" in uses) != wish.has("recordings"):
        raise UsageError("recordings: consent to the use of a voice needs a recording of it, and nothing else does")
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
