"""`effigie voice`: review recordings, learn a voice, speak and convert in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import effigie
from effigie.cli.console import INTERRUPT, hold_interrupt, print_json, print_line, print_notes, progress_display
from effigie.cli.options import Consents, Json, Purpose, add_command
from effigie.errors import UsageError
from effigie.io.stored_names import to_stored
from effigie.progress import format_count

VoiceName = Annotated[
    str,
    typer.Argument(
        metavar="VOICE",
        help="A folder made by learn, or a stock voice: willow, hazel, rowan, alder; effigie voice info lists them.",
    ),
]
SoundOutput = Annotated[
    Path, typer.Option("--output", "-o", metavar="SOUND", help=".wav, .flac, .mp3, .m4a, .opus or .ogg.")
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=__doc__, no_args_is_help=True)
    add_command(group, "learn", learn)
    add_command(group, "speak", speak)
    add_command(group, "convert", convert)
    group.command("info")(info)
    group.command("review")(review)
    app.add_typer(group, name="voice")


def learn(
    recordings: Annotated[
        list[Path], typer.Argument(metavar="RECORDING...", help="Sound or video of the person alone, 30 s to an hour.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="VOICE", help="The voice, a folder.")],
    settings: effigie.LearnSettings,
    answer: Annotated[
        Path | None,
        typer.Option(metavar="ANSWER", help="What `consent answer` wrote: a fresh sentence that the person read."),
    ] = None,
    consent: Consents = None,
    purpose: Purpose = None,
    as_json: Json = False,
) -> None:
    """Learn the voice of a person who consented to it, from a minute of their speech."""
    from effigie.consent.challenge import VoiceAnswer

    with hold_interrupt():
        run = effigie.voice.learn  # imported here
    voice_answer = None if answer is None else VoiceAnswer.load(answer)
    with progress_display() as progress:
        report = run(
            recordings,
            output,
            settings,
            consent=consent,
            answer=voice_answer,
            purpose=purpose,
            progress=progress,
            cancel=INTERRUPT,
        )
    if as_json:
        print_json(to_stored(report))
        return
    from effigie.voice.trainer import describe_learned

    print_line(f"{report.output}: {describe_learned(report)}")
    if report.missing:
        print_line(f"never said: {' '.join(report.missing)}")
    print_notes(report.notes)


def convert(
    voice: VoiceName,
    performance: Annotated[
        Path, typer.Argument(metavar="PERFORMANCE", help="Sound or video in which one person speaks English.")
    ],
    output: SoundOutput,
    settings: effigie.VoiceConvertSettings,
    consent: Consents = None,
    purpose: Purpose = None,
    as_json: Json = False,
) -> None:
    """Say a performance again in a voice: its words, timing and melody, nothing of its sound."""
    with hold_interrupt():
        run = effigie.voice.convert  # imported here
    with progress_display() as progress:
        report = run(
            voice, performance, output, settings, consent=consent, purpose=purpose, progress=progress, cancel=INTERRUPT
        )
    if as_json:
        print_json(to_stored(report))
        return
    factor = report.seconds / max(report.duration_s, 1e-9)
    print_line(
        f"{report.output}: {format_count(report.utterances, 'utterance')}, {report.duration_s:.1f} s of sound, "
        f"{factor:.1f} s a second; id {report.output_id}"
    )
    print_notes(report.notes)


def speak(
    voice: VoiceName,
    text: Annotated[str, typer.Argument(metavar="TEXT|FILE", help="What is to be said, in English, or a text file.")],
    output: SoundOutput,
    settings: effigie.SpeakSettings,
    times: Annotated[
        Path | None, typer.Option(metavar="JSON", help="Also write when each phoneme and word is said.")
    ] = None,
    consent: Consents = None,
    purpose: Purpose = None,
    as_json: Json = False,
) -> None:
    """Speak a text in a voice, sentence by sentence; a book takes no more memory than a line."""
    with hold_interrupt():
        run = effigie.voice.speak  # imported here
    with progress_display() as progress:
        report = run(
            voice,
            read_text(text),
            output,
            settings,
            times=times is not None,
            consent=consent,
            purpose=purpose,
            progress=progress,
            cancel=INTERRUPT,
        )
    if times is not None:
        report.write_times(times)
    if as_json:
        stored = to_stored(report)
        print_json({name: value for name, value in stored.items() if name not in ("phonemes", "words")})
        return
    factor = report.seconds / max(report.duration_s, 1e-9)
    print_line(
        f"{report.output}: {format_count(report.sentences, 'sentence')}, {report.duration_s:.1f} s of sound, "
        f"{factor:.1f} s a second; id {report.output_id}"
    )
    print_notes(report.notes)


def info(
    voice: Annotated[Path | None, typer.Argument(metavar="VOICE", help="A folder made by learn.")] = None,
    as_json: Json = False,
) -> None:
    """Say what a voice was learned from, or list the stock voices, which belong to nobody and need no consent."""
    if voice is not None:
        description = effigie.voice.describe_voice(voice)
        if as_json:
            print_json(description)
            return
        for name, value in description.items():
            print_line(f"{name.replace('_', ' ')}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
        return
    voices = effigie.voice.STOCK_VOICES
    if as_json:
        print_json({name: {"sounds_like": kind} for name, kind in voices.items()})
        return
    for name, kind in voices.items():
        print_line(f"{name}: {kind} (Kokoro-82M, Apache-2.0)")


def review(
    recordings: Annotated[
        list[Path],
        typer.Argument(metavar="VOICE|RECORDING...", help="Sound or video of one person, or a folder made by learn."),
    ],
    sheet: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Also draw spectrogram and pitch of every recording.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether recordings are fit to learn a voice from: level, noise, melody, words, and sounds never said."""
    from effigie.voice.review.sheet import draw_review_sheet

    if sheet is not None and sheet.suffix.lower() != ".png":
        raise UsageError(f"a sheet is a PNG: name it {sheet.with_suffix('.png').name}")
    with progress_display() as progress:
        voice_review = effigie.voice.review(recordings, progress=progress, cancel=INTERRUPT)
    if sheet is not None:
        draw_review_sheet(sheet, voice_review)
    if as_json:
        stored = to_stored(replace(voice_review, recordings=()))
        rows = [to_stored(replace(one, excerpt=np.zeros(0, np.float32))) for one in voice_review.recordings]
        for row in rows:
            del row["excerpt"]
        print_json({**stored, "recordings": rows})
        return
    for one in voice_review.recordings:
        quality = one.quality
        noise = "" if quality.noise_db is None else f", {quality.noise_db:.0f} dB above noise"
        middle, low, high = quality.f0_hz
        print_line(
            f"{one.name}: {quality.speech_s:.1f} s of speech in {quality.duration_s:.1f} s, {quality.level_db:.0f} dB"
            f"{noise}, up to {quality.bandwidth_hz / 1000:.1f} kHz, pitch {middle:.0f} Hz ({low:.0f} to {high:.0f}), "
            f"{format_count(len(one.words), 'word')}"
        )
        print_notes(f"{one.name}: {advice}" for advice in one.advice)
    if voice_review.rare:
        print_line(f"seldom said: {' '.join(voice_review.rare)}")
    print_notes(voice_review.advice)


def read_text(text: str) -> str | Iterator[str]:
    """The text itself, or the paragraphs of the file that it names."""
    from effigie.voice.inference.speak import read_paragraphs

    try:
        is_file = len(text) < 4096 and "\n" not in text and Path(text).is_file()
    except (OSError, ValueError):
        is_file = False
    return read_paragraphs(text) if is_file else text
