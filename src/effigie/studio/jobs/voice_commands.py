"""The commands of the page Voices: recordings reviewed, a sentence checked, a voice learned, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from effigie.errors import UsageError
from effigie.studio.jobs.wish import Command, Wish
from effigie.studio.readings import answer_path, find_reading
from effigie.studio.records import find_consents
from effigie.studio.workspace import RESULTS, VOICES
from effigie.voice.stock_names import STOCK_VOICES

MAX_STEPS = 2000
SOUND = ".wav"


def read_voice(wish: Wish) -> tuple[str, Path | None]:
    """The voice in ``voice`` as it is typed: a stock voice's name, or the id of a folder, which is returned too."""
    name = wish.text("voice")
    if name in STOCK_VOICES:
        return name, None
    path = wish.path("voice")
    if not (path / "config.json").is_file():
        raise UsageError(f"{path.name} is no voice: choose one that was learned, or a stock voice")
    return wish.workspace.shorten(path), path


def review(wish: Wish) -> Command:
    """What ``recordings``, or a learned voice's own, are worth; the findings are the job's answer."""
    files = wish.shorts("recordings")
    title = Path(files[0]).name if len(files) == 1 else f"{len(files)} recordings"
    return Command(f"Review {title}", ("voice", "review", *files, "--json"), "quick")


def answer(wish: Wish) -> Command:
    """The check of a sentence that was read: ``nonce`` of the sentence, ``recording`` of the reading."""
    challenge = find_reading(wish.workspace, wish.text("nonce"))
    output = answer_path(wish.workspace, challenge.stem)
    files = (wish.workspace.shorten(challenge), wish.short("recording"))
    arguments = ("consent", "answer", *files, "-o", wish.workspace.shorten(output), "--in", str(wish.workspace.root))
    return Command("Check the sentence that was read", arguments, "quick", {"output": str(output)})


def learn(wish: Wish) -> Command:
    """A voice: ``recordings``, ``consent``, ``answer``, ``name``, and if wanted ``steps`` and ``adapters``."""
    output = wish.output(VOICES)
    arguments = ["voice", "learn", *wish.shorts("recordings"), "-o", wish.workspace.shorten(output)]
    arguments += ["--consent", wish.workspace.shorten(wish.record("consent")), "--answer", wish.short("answer")]
    if wish.has("steps"):
        arguments += ["--steps", wish.number("steps", 1, MAX_STEPS)]
    if wish.fields.get("adapters") is True:
        arguments.append("--adapters")
    return Command(f"Learn {wish.text('name')}", tuple(arguments), made={"output": str(output)})


def speak(wish: Wish) -> Command:
    """A text said: ``voice``, ``text``, ``name``, if wanted ``speed``, ``pauses``, ``semitones`` and ``likeness``."""
    (voice, folder), output = read_voice(wish), wish.output(RESULTS, SOUND)
    text = read_text(wish)
    arguments = ["voice", "speak", "-o", wish.workspace.shorten(output)]
    for field, low, high in (("speed", 0.5, 2), ("pauses", 0, 5), ("semitones", -12, 12), ("likeness", 0, 1)):
        if wish.has(field):
            arguments.append(f"--{field}={wish.number(field, low, high)}")
    arguments += ["--", voice, text] if text.startswith("-") else [voice, text]
    return Command(
        f"{Path(voice).name}: {_shorten(text)}", tuple(arguments), "quick", _list_products(output, voice, folder)
    )


def convert(wish: Wish) -> Command:
    """A performance said again: ``voice``, ``performance``, ``name``, and ``semitones``, ``melody``, ``likeness``."""
    (voice, folder), output = read_voice(wish), wish.output(RESULTS, SOUND)
    performance = wish.path("performance")
    arguments = ["voice", "convert", voice, wish.workspace.shorten(performance), "-o", wish.workspace.shorten(output)]
    for field, low, high in (("semitones", -12, 12), ("melody", 0, 1), ("likeness", 0, 1)):
        if wish.has(field):
            arguments.append(f"--{field}={wish.number(field, low, high)}")
    products = _list_products(output, voice, folder) | {"input": str(performance)}
    return Command(f"Convert {performance.name} to {Path(voice).name}", tuple(arguments), made=products)


def dub(wish: Wish) -> Command:
    """A clip whose person says something else: ``clip``, ``name``, and ``speech``, or ``text`` and ``voice``."""
    output, clip = wish.output(RESULTS, ".mp4"), wish.path("clip")
    arguments = ["dub", wish.workspace.shorten(clip), "-o", wish.workspace.shorten(output)]
    records = find_consents(wish.workspace, "animate", None)
    products = {"output": str(output), "input": str(clip)}
    if wish.has("speech"):
        arguments += ["--speech", wish.short("speech")]
    else:
        voice, folder = read_voice(wish)
        arguments += [f"--text={read_text(wish)}", "--voice", voice]
        products |= _list_products(output, voice, folder)
        # Named records leave none to be looked for: those of the voice are named as well.
        records += [] if folder is None else _own_records(folder)
    for path in records:
        arguments += ["--consent", wish.workspace.shorten(path)]
    return Command(f"Dub {clip.name}", tuple(arguments), made=products)


def read_text(wish: Wish) -> str:
    """What is to be said, in one line. The commands read a file where a text names one, and a page names no file."""
    lines = wish.fields.get("text")
    if isinstance(lines, str):
        wish = Wish(wish.workspace, {**wish.fields, "text": " ".join(lines.split())})
    text = wish.text("text")
    try:
        is_file = (wish.workspace.root / text).exists()
    except OSError:  # too long for a name
        is_file = False
    if is_file:
        raise UsageError("text: that is the name of a file; write what is to be said")
    return text


def _own_records(voice: Path) -> list[Path]:
    return [path for path in sorted((voice / "consents").glob("c-*.json")) if ".revoked" not in path.name]


def _list_products(output: Path, voice: str, folder: Path | None) -> dict[str, str]:
    return {"output": str(output)} | ({"stock": voice} if folder is None else {"voice": str(folder)})


def _shorten(text: str, most: int = 40) -> str:
    return text if len(text) <= most else f"{text[:most].rsplit(' ', 1)[0]} …"


VOICE_COMMANDS: dict[str, Callable[[Wish], Command]] = {
    "voice-review": review,
    "voice-answer": answer,
    "voice-learn": learn,
    "voice-speak": speak,
    "voice-convert": convert,
    "dub": dub,
}

WRITING_VOICES = ("voice-answer", "voice-learn", "voice-speak", "voice-convert", "dub")
"""Those whose output must be new."""
