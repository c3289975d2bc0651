"""`effigie demo`: a swap, a talking head and a voice, of samples that pip fetches, from nothing to a judged result."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from effigie.assets import fetch_asset, fetch_assets
from effigie.consent.samples import sample_consent
from effigie.consent.store import default_store
from effigie.evaluate import EvaluateSettings, SwapScores, evaluate_swap
from effigie.evaluate.report.figures import Figure
from effigie.extraction import extract
from effigie.faceset.plots.drawing import write_png
from effigie.media import VideoReader
from effigie.progress import CancelToken, ProgressCallback, ignore_progress
from effigie.provenance import TrustSettings
from effigie.provenance.verifier import verify
from effigie.swap import ConvertSettings, SwapSettings, convert, swap_clip
from effigie.swap.inference.comparison_sheet import write_comparison_sheet
from effigie.swap.trainer import train

SOURCE = ("sample_woman",)
TARGET = ("sample_man", "sample_man_leaves", "sample_man_enters")
CLIP = "sample_man"
AT_ONCE_FRAMES = 240
VOICE, SENTENCE = "rowan", "Nobody ever said these words: my face and this voice were made, and both say so."
# What a few minutes on two short clips promise: the verdict counts these alone. `effigie evaluate swap` asks for more,
# of swaps that were trained for longer, and measures more. Judged is what leaves: with the invisible mark, which alone
# may take brightness to 42 dB, and with the hair, glasses and hands that stay the target's.
DEMO_BOUNDS = {
    "similarity to the source": (0.45, None),
    "closer to the source than to the target": (99, None),
    "landmark error, share of the eye distance": (None, 5),
    "mouth opening, correlation": (0.9, None),
    "mouth opening, spread": (0.7, 1.3),
    "eye opening, correlation": (0.7, None),
    "eye opening, spread": (0.7, 1.3),
    "sharpness, output over input": (0.6, None),
    "flicker, output over input": (None, 1.3),
    "face still found in the output": (99, None),
    "outside the mask, PSNR": (42, None),
    "same frames at the same times": (1, None),
    "sound bit for bit": (1, None),
}


@dataclass(frozen=True)
class DemoReport:
    """Where the results are, and what they are worth.

    Attributes:
        video: the swapped clip.
        at_once: one picture of the man in the woman's clip, without training; a sheet lies beside it.
        sheet: frames before and after, one PNG.
        curve, preview: of the training.
        portrait: the same face put into a still portrait of a third person.
        talking: one picture of the man, moved by the woman's performance.
        speaking: the same picture, saying a sentence in a stock voice that is nobody's.
        scores: as :func:`effigie.evaluate.evaluate_swap` measures them.
        verdict: the scores in a few sentences.
        found: what `effigie verify` says of the clip.
    """

    video: Path
    at_once: Path
    sheet: Path
    curve: Path
    preview: Path
    portrait: Path
    talking: Path
    speaking: Path
    scores: SwapScores = field(repr=False)
    verdict: list[str]
    verification: list[str]


def demo(
    output: str | Path = "effigie-demo",
    minutes: float = 4.0,
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> DemoReport:
    """Swap with one photo at once; train for minutes, convert and measure; let one picture move, and speak.

    Run again, it keeps the faces and trains the same model further.

    Args:
        output: a folder for everything.
        minutes: of training.

    Raises:
        AssetError: the samples cannot be fetched.
        CancelledError: asked to stop; the same call continues.
    """
    output = Path(output)
    fetch_assets([*SOURCE, *TARGET], progress)
    extract([fetch_asset(name) for name in SOURCE], output / "source.faces", progress=progress, cancel=cancel)
    extract([fetch_asset(name) for name in TARGET], output / "target.faces", progress=progress, cancel=cancel)
    consent, trust = sample_consent(SOURCE[0], default_store(output).folders[0]), TrustSettings(label="corner")
    at_once = _swap_at_once(output, trust, progress, cancel)
    model = output / "model"
    train(
        output / "source.faces",
        output / "target.faces",
        model,
        SwapSettings(minutes=minutes),
        consent=consent,
        progress=progress,
        cancel=cancel,
    )
    video, masks = output / "swap.mp4", output / "masks"
    convert(
        model, fetch_asset(CLIP), video, ConvertSettings(masks=masks, trust=trust), progress=progress, cancel=cancel
    )
    portrait = output / "portrait.png"
    convert(model, _write_astronaut(output), portrait, ConvertSettings(person=0, trust=trust), cancel=cancel)
    talking = _animate_picture(output, trust, progress, cancel)
    speaking = _let_picture_speak(output, trust, progress, cancel)
    scores = evaluate_swap(
        video,
        fetch_asset(CLIP),
        output / "source.faces",
        output / "target.faces",
        masks,
        settings=EvaluateSettings(frechet_faces=0),
        progress=progress,
        cancel=cancel,
    )
    sheet = output / "before-after.png"
    write_comparison_sheet(sheet, fetch_asset(CLIP), video)
    return DemoReport(
        video,
        at_once,
        sheet,
        model / "curve.png",
        model / "preview.png",
        portrait,
        talking,
        speaking,
        scores,
        format_verdict(apply_demo_bounds(scores.figures())),
        list(verify(video).lines),
    )


def _swap_at_once(output: Path, trust: TrustSettings, progress: ProgressCallback, cancel: CancelToken | None) -> Path:
    """One picture of the man, put into the woman's clip without training."""
    at_once, settings = output / "at-once.mp4", ConvertSettings(trust=trust, max_frames=AT_ONCE_FRAMES)
    consent = sample_consent(CLIP, default_store(output).folders[0])
    photo = _write_picture(output)
    swap_clip(photo, fetch_asset(SOURCE[0]), at_once, settings, consent=consent, progress=progress, cancel=cancel)
    return at_once


def _write_picture(output: Path) -> Path:
    """The first frame of the man's clip, as a file."""
    picture = output / "one-picture.png"
    with VideoReader(fetch_asset(CLIP), stop=1) as reader:
        write_png(picture, next(iter(reader)).image)
    return picture


def _write_astronaut(output: Path) -> Path:
    """The public-domain portrait that scikit-image carries, as a file."""
    from skimage.data import astronaut

    path = output / "astronaut.png"
    write_png(path, astronaut())
    return path


def _animate_picture(
    output: Path, trust: TrustSettings, progress: ProgressCallback, cancel: CancelToken | None
) -> Path:
    """A picture of the man, and the woman as its driver."""
    from effigie.heads import AnimateSettings, animate

    picture, talking = _write_picture(output), output / "talking.mp4"
    animate(
        picture,
        fetch_asset(SOURCE[0]),
        talking,
        AnimateSettings(trust=trust),
        consent=sample_consent(CLIP, default_store(output).folders[0]),
        progress=progress,
        cancel=cancel,
    )
    return talking


def _let_picture_speak(
    output: Path, trust: TrustSettings, progress: ProgressCallback, cancel: CancelToken | None
) -> Path:
    """A picture of the man, and a sentence spoken in a stock voice."""
    from effigie.heads import AnimateSettings, SpeechSettings, animate
    from effigie.voice import SpeakSettings, speak

    speech, times, speaking = output / "said.wav", output / "said.json", output / "speaking.mp4"
    speak(
        VOICE, SENTENCE, speech, SpeakSettings(trust=trust), times=True, progress=progress, cancel=cancel
    ).write_times(times)
    animate(
        _write_picture(output),
        None,
        speaking,
        AnimateSettings(trust=trust, speech=SpeechSettings(phonemes=times)),
        speech=speech,
        consent=sample_consent(CLIP, default_store(output).folders[0]),
        progress=progress,
        cancel=cancel,
    )
    return speaking


def apply_demo_bounds(figures: list[Figure]) -> list[Figure]:
    """The figures, with the demo's own bounds; those it promises nothing about only inform."""
    bounds = [DEMO_BOUNDS.get(figure.name, (None, None)) for figure in figures]
    return [replace(figure, at_least=low, at_most=high) for figure, (low, high) in zip(figures, bounds, strict=True)]


def format_verdict(figures: list[Figure]) -> list[str]:
    """What the figures mean: one sentence for all, then one line for each that has a bound."""
    bounded = [figure for figure in figures if figure.is_reached is not None]
    missed = [figure for figure in bounded if not figure.is_reached]
    if not missed:
        lines = [f"The swap holds: all {len(bounded)} figures are reached."]
    else:
        names = ", ".join(figure.name for figure in missed)
        lines = [f"{len(bounded) - len(missed)} of {len(bounded)} figures are reached; short of the mark: {names}."]
    for figure in bounded:
        lines.append(
            f"{'ok ' if figure.is_reached else 'no '} {figure.name}: {figure.value_text} (wanted {figure.bounds_text})"
        )
    return lines
