"""`effigie.dub`: a clip and other words in, the clip in which its person says them out."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from effigie.assets import REQUIRED_ASSETS, fetch_assets
from effigie.consent.face_matching import SubjectFaces
from effigie.consent.gate import ConsentLike, Permit, permit
from effigie.dubbing.config import DubSettings
from effigie.dubbing.consent import split_consents
from effigie.dubbing.output_plan import plan_dub
from effigie.dubbing.sound import SpeechFile, SpeechSource, speak_text
from effigie.dubbing.take import Take, read_take
from effigie.errors import UsageError
from effigie.execution.pipeline import BackgroundCalls
from effigie.heads.speech.checkpoint import load_mouth
from effigie.io.locks import with_output_lock
from effigie.progress import CancelToken, ProgressCallback, format_count, ignore_progress
from effigie.speech.whisper import ASSETS as WHISPER_ASSETS
from effigie.swap.inference.footage import Footage

if TYPE_CHECKING:
    from effigie.voice.voice_model import VoiceModel


@dataclass(frozen=True, eq=False)
class DubbedMouth:
    """What a dubbed mouth was to do in N pictures, for measuring.

    Attributes:
        gaps: (N,) cm wanted between the inner lips.
        shares: (N,) 0..1, how much of the made mouth is shown; 0 where the picture stayed as it was.
        bilabials: when p, b and m are said, seconds of the output.
    """

    gaps: np.ndarray
    shares: np.ndarray
    bilabials: tuple[tuple[float, float], ...]


@dataclass
class DubReport:
    """The result of a dub.

    Attributes:
        output: the video written.
        output_id: 12 hex digits by which mark, credentials and ledger know the output.
        frames: written.
        dubbed: frames in which the mouth was made; the others went through untouched.
        tempo: of the speech; 1 is the sound's own.
        mouth: what the mouth was to do, picture by picture.
        seconds: wall time.
        stages: seconds of each stage; they overlap, so their sum may exceed ``seconds``.
        notes: how the sound was fitted, and what could not be shown.
    """

    output: Path
    output_id: str = ""
    frames: int = 0
    dubbed: int = 0
    tempo: float = 1.0
    mouth: DubbedMouth | None = field(default=None, repr=False)
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@with_output_lock("output")
def dub(
    clip: str | Path,
    output: str | Path,
    settings: DubSettings | None = None,
    *,
    speech: str | Path | None = None,
    text: str | Iterable[str] | None = None,
    voice: str | Path | VoiceModel | None = None,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> DubReport:
    """Let a person in a clip say something else: mouth and jaw follow another sound, which is the output's.

    Everything but mouth, jaw and the skin beside them stays as it was decoded; where nobody speaks and the clip's own
    mouth is at rest, so does that. The output appears under its name only when it is whole.

    Args:
        clip: footage of the person.
        output: ``.mp4``, ``.mov`` or ``.mkv``, or a folder for PNG frames.
        speech: a sound or video file in which somebody speaks; or else
        text: English, or its paragraphs one by one, spoken in ``voice``.
        voice: a folder made by ``effigie voice learn``, or a stock voice's name.
        consent: records (files or ids) of the person in the clip, for the use ``animate``, and of whose voice was
            learned, for ``voice``; None looks for one in the store, and in the voice.
        purpose: what the output is for, where a record is limited to one purpose.

    Raises:
        RefusedError: no valid consent of the person in the clip or of the voice, or the clip is intimate.
        MediaError: a file cannot be read, the clip shows no face, or the sound is silent. Nothing is written then.
        UsageError: neither sound nor text, or both; the sound does not fit; the output is an input.
        CancelledError: asked to stop; nothing is left under the output's name.
    """
    settings, cancel, start = settings or DubSettings(), cancel or CancelToken(), time.perf_counter()
    clip, output = Path(clip), Path(output)
    speech = None if speech is None else Path(speech)
    _check_words(speech, text, voice)
    for path in (clip, speech):
        if path is not None and output.exists() and path.exists() and output.samefile(path):
            raise UsageError(f"{output} is an input itself: choose another name for the output")
    # What would fail after the last frame fails here, before anything is read.
    plan_dub(clip, output, settings)
    fetch_assets((*REQUIRED_ASSETS, *WHISPER_ASSETS, "open_nsfw"), progress)
    for_face, for_voice = split_consents(consent)
    seconds: defaultdict[str, float] = defaultdict(float)
    with contextlib.ExitStack() as stack:
        calls = stack.enter_context(BackgroundCalls(1, cancel))
        speaking = calls.submit(_prepare_words, speech, text, voice, (for_voice, purpose), calls.stop)
        footage = stack.enter_context(Footage(clip, settings.max_frames, True, cancel))
        info = footage.reader.info
        take = read_take(footage.analyzed, info, settings.person, settings.max_frames, progress, cancel)
        seconds["look"] = time.perf_counter() - start
        faces = SubjectFaces(take.embeddings, np.array([clip.name] * len(take.embeddings), object))
        permission = permit("animate", faces, for_face, purpose=purpose)
        footage.require_decent()
        calls.wait([speaking], progress)
        source, spoken_by = speaking.result()
        notes = footage.reader.notes
    from effigie.dubbing.conversion import DubConversion
    from effigie.dubbing.performance import perform_dub

    model = load_mouth()
    performance = perform_dub(source, take, settings, model, progress, cancel)
    seconds["speech"] = time.perf_counter() - start - seconds["look"]
    conversion = DubConversion(clip, take, source, performance, model, settings, progress, cancel)
    report = DubReport(output, tempo=performance.fit.tempo)
    conversion.run(report, permission, spoken_by, seconds)
    report.mouth = DubbedMouth(conversion.face.gaps, conversion.face.shares, performance.bilabials)
    report.notes = [*notes, *_describe_people(take, settings), *performance.notes, *report.notes]
    report.stages, report.seconds = dict(seconds), time.perf_counter() - start
    return report


def _check_words(speech: Path | None, text: object, voice: object) -> None:
    if speech is None and text is None:
        raise UsageError("nothing is to be said: name a sound with --speech, or a text with --text and --voice")
    if speech is not None and text is not None:
        raise UsageError("a sound and a text cannot both be said: leave out --speech or --text")
    if text is not None and voice is None:
        raise UsageError("whose voice says the text? Name a stock voice or one that was learned with --voice")
    if speech is not None and voice is not None:
        raise UsageError(
            f"{speech} has a voice already: --voice goes with --text (`effigie voice convert` changes one)"
        )


def _prepare_words(
    speech: Path | None,
    text: str | Iterable[str] | None,
    voice: str | Path | VoiceModel | None,
    request: tuple[ConsentLike, str | None],
    cancel: CancelToken,
) -> tuple[SpeechSource, tuple[Permit, str | None] | None]:
    """The sound, and of a voice that was made the permit and the manifest's hash."""
    if speech is not None:
        return SpeechFile.open(speech), None
    from effigie.voice.checkpoint import load_voice

    assert text is not None and voice is not None
    model = load_voice(voice, consent=request[0], purpose=request[1])
    return speak_text(model, text, cancel), (model.permit, model.manifest_sha256)


def _describe_people(take: Take, settings: DubSettings) -> Iterator[str]:
    if take.most_faces > 1 and settings.person is None:
        faces = format_count(take.most_faces, "face")
        yield f"{faces} are seen at once, and the largest speaks: --person chooses another, 1 being the second largest"
