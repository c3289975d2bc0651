"""Row: whether a record's voice knows the right person again, and nobody else."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.sound_changes import Change, Samples, add_noise, chain, encode, limit_band, put_in_room, tilt
from benchmarks.fixtures.voices import read_voices
from effigie.consent.voice_matching import MATCH_THRESHOLD, RATE, measure_similarity
from effigie.errors import MediaError
from effigie.evaluate.report.figures import Figure
from effigie.media.sound.reader import Sound
from effigie.progress import Progress
from effigie.speech.conditions import CONDITIONS
from effigie.speech.speaker import embed_speaker

# Of GRID's clips about half is speech: six seconds of it, and a reading of what is drawn has some nine.
SENTENCE_S, REFERENCE_S = 12.0, 18.0
MAX_SENTENCES = 5  # of a person
HEARD: dict[str, Change] = {
    "as recorded": lambda samples, rate: samples,
    "room, 0.3 s": put_in_room(0.3, 1),
    "room, 0.6 s": put_in_room(0.6, 2),
    "telephone band": limit_band(300, 3400),
    "laptop microphone": chain(limit_band(150, 6500), put_in_room(0.25, 3), add_noise(25)),
    "noise 15 dB below": add_noise(15),
    "telephone band, noise 20 dB below": chain(limit_band(300, 3400), add_noise(20)),
    "Opus, 12 kbit/s": encode("libopus", 12, "ogg", 48000),
    "MP3, 32 kbit/s": encode("libmp3lame", 32, "mp3"),
    "brighter microphone": tilt(-0.6),
    "duller microphone": tilt(0.6),
}
CURVE = (0.80, 0.85, 0.90, 0.91, 0.92)
SAME = {"grid_pwij3p": "grid_s2", "grid_sbia1a": "grid_s3"}
"""Two names of one person in the material: their faces agree by 0.98 and 0.99."""
MISLABELED = "bgal9n"
"""A clip that lies in the material under two people's names."""

Embedding = dict[str, np.ndarray]


def voice_consent(context: RowContext) -> RowResult:
    """References of the first seconds of each person; sentences of twelve of the others, heard in other ways.

    Of whom there is less, sentences are shorter: nobody else may be let through by them, and they are no readings.
    """
    references: dict[str, Embedding] = {}
    sentences: dict[str, list[tuple[str, Embedding, bool]]] = {}
    people = read_voices(context, RATE, without=MISLABELED)
    names = list(people)[: 4 if context.quick else None]
    for number, name in enumerate(names):
        context.cancel.check()
        context.progress(Progress("voices", number, len(names), "people", name))
        spoken = np.concatenate(people[name])
        split = min(round(REFERENCE_S * RATE), len(spoken) // 2)
        found = [_embed(change(spoken[:split])) for change in CONDITIONS.values()]
        if kept := [one for one in found if one is not None]:
            references[name] = {network: np.stack([one[network] for one in kept]) for network in kept[0]}
        sentences[name] = list(_listen(spoken[split:], context))
    right: dict[str, list[float]] = defaultdict(list)
    wrong: list[float] = []
    for name, heard in sentences.items():
        for kind, embedding, whole in heard:
            for other, reference in references.items():
                asked = {network: vector[None] for network, vector in embedding.items()}
                similarity = float(measure_similarity(reference, asked)[0])
                if other == name:
                    right[kind].extend([similarity] if whole else [])
                elif SAME.get(name, name) != SAME.get(other, other):
                    wrong.append(similarity)
    others = np.array(wrong)
    figures = [Figure("others refused", 100 * float(np.mean(others < MATCH_THRESHOLD)), "%", at_least=99.9)]
    seen = [f"{len(wrong)} comparisons"]
    for kind, values in right.items():
        share = 100 * float(np.mean(np.array(values) >= MATCH_THRESHOLD))
        figures.append(Figure(f"the right person, {kind}: let through", share, "%", at_least=98))
        seen.append(f"{len(values)} sentences")
    every = np.array([value for values in right.values() for value in values])
    for threshold in CURVE:
        chosen = " (in use)" if threshold == MATCH_THRESHOLD else ""
        share = 100 * float(np.mean(every >= threshold)) if len(every) else float("nan")
        figures.append(Figure(f"threshold {threshold:g}{chosen}: right accepted", share, "%"))
        seen.append(f"{100 * float(np.mean(others >= threshold)):.3f} % of others accepted")
    notes = [
        "rooms, microphones and noise are made by computer, by other figures than those under which a voice is kept",
        "all people of GRID spoke into one microphone in one room, which makes them alike: others are harder to refuse",
    ]
    return RowResult("Consent by voice", figures, {"seen": seen}, notes)


def _listen(samples: Samples, context: RowContext) -> list[tuple[str, Embedding, bool]]:
    """How, the embedding, and whether it is as long as a reading."""
    length = round(SENTENCE_S * RATE)
    found = []
    for start in range(0, max(1, len(samples) - length + 1), length)[:MAX_SENTENCES]:
        piece = samples[start : start + length]
        for kind, change in HEARD.items():
            context.cancel.check()
            if (embedding := _embed(change(piece, RATE))) is not None:
                found.append((kind, embedding, len(piece) == length))
    return found


def _embed(samples: Samples) -> Embedding | None:
    try:
        return embed_speaker(Sound(samples[None], RATE))
    except MediaError:  # too little is said in it
        return None
