"""`python -m benchmarks.voice_likeness DATA`: likeness, naturalness and words of learned voices.

DATA has ``clips/`` and ``clips_grid/`` with clips of the GRID corpus, whose names say what is said. Of each talker
the first clips are learned from; performances are of other talkers. Judges, none of which is a loss: Resemblyzer
(``to_...``), Whisper base without a prompt, and DistillMOS where it is installed (pip install --no-deps distillmos
xls-r-sqa; it imports torchaudio without using it). Voices are fitted by the consent gate's other speaker encoder, whose
cosines, ``fitted_to_...``, say how far the fit came and judge nothing.

The voice is compared with by what is said in its clips (``to_voice``), and by the clips as they are (``to_clips``):
half of a clip of GRID is the room, which made sound has not, so that the second figure rewards another talker of the
corpus. Rows ``joined`` are of all that was made in one piece; a single clip has too little speech for the judge.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.rows.voice import SENTENCES, count_errors
from effigie.consent import new_consent
from effigie.consent.gate import permit_voice
from effigie.consent.voice_matching import SubjectVoice
from effigie.errors import MediaError
from effigie.media.sound.reader import Sound, read_sound
from effigie.media.sound.writer import SoundWriter
from effigie.speech.recognizer import recognize
from effigie.speech.speaker import embed_speaker
from effigie.speech.spectrogram import to_mono
from effigie.voice import SpeakSettings, VoiceConvertSettings, VoiceModel, stream_speech
from effigie.voice.adapters import apply_adapters
from effigie.voice.dataset import Utterance, collect_utterances
from effigie.voice.inference.conversion import convert_blocks
from effigie.voice.melody import Melody
from effigie.voice.network.speech_network import SpeechNetwork
from effigie.voice.pretrained import load_speech_network
from effigie.voice.stock_voices import load_stock_voice
from effigie.voice.task import VoiceTask, choose_base
from effigie.voice.trainer import average_person, learn_exemplars, measure_tempo

RATE = 24000
ROLES = {"resemblyzer": "to", "voicefilter": "fitted_to"}
References = dict[str, tuple[str, np.ndarray]]
"""Column → encoder and (256,) whom it compares with."""
WORDS: tuple[dict[str, str], ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {},
    dict(zip("z123456789", "zero one two three four five six seven eight nine".split(), strict=True)),  # noqa: SIM905
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)


def main() -> None:
    """Print a line for each talker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--talkers", default="s1,s31")
    parser.add_argument("--performances", default="brbk7n,lbax4n,sbia1a")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--adapters", action="store_true")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--likeness", default="1", help="of speech and conversions, several after commas")
    options = parser.parse_args()
    judge = load_mos()
    for talker in options.talkers.split(","):
        clips = find_clips(options.data, talker)[: options.clips]
        model, embedding = learn_voice(clips, options.steps, options.adapters)
        for likeness in map(float, options.likeness.split(",")):
            judge_voice(options.data, model, embedding, options.performances.split(","), likeness, judge, talker)


def judge_voice(
    data: Path,
    model: VoiceModel,
    embedding: References,
    performances: list[str],
    likeness: float,
    judge: Callable[[Sound], float],
    talker: str,
) -> None:
    """Print what performances and sentences become at a likeness."""
    converted, spoken = [], []
    sounds: dict[str, list[np.ndarray]] = {"convert": [], "speak": []}
    settings = VoiceConvertSettings(likeness=likeness)
    for name in performances:
        source = read_sound(find_clip(data, name), RATE)
        begun = time.process_time()
        made = np.concatenate([one.samples for one in convert_blocks(model, find_clip(data, name), settings, None)])
        factor = (time.process_time() - begun) / source.duration
        sounds["convert"].append(made)
        converted.append(judge_sound(made, embedding, spell_grid(name), judge, source) | {"cpu": factor})
    for sentence in SENTENCES:
        parts = stream_speech(model, sentence, SpeakSettings(likeness=likeness))
        made = np.concatenate([one.sound.samples[0] for one in parts])
        sounds["speak"].append(made)
        spoken.append(judge_sound(made, embedding, sentence, judge, None))
    for what, rows in (("convert", converted), ("speak", spoken)):
        means = {key: round(float(np.nanmean([row[key] for row in rows])), 3) for key in rows[0]}
        found = embed(Sound(np.concatenate(sounds[what])[None], RATE))
        joined = {name: round(float(found[encoder] @ vector), 3) for name, (encoder, vector) in embedding.items()}
        print(talker, what, f"likeness {likeness:g}", means, "joined", joined, flush=True)


def learn_voice(clips: list[Path], steps: int, adapters: bool) -> tuple[VoiceModel, References]:
    """The voice, never written to disk, and who speaks in the clips that it was learned from."""
    with tempfile.TemporaryDirectory() as folder:
        # Clips of two seconds say too little of a voice for the gate, one by one.
        joined = join_clips(clips, Path(folder) / "joined.wav")
        record = new_consent("talker", [], ["voice"], basis="GRID corpus, CC-BY-4.0", recordings=[joined])
        subject = SubjectVoice.from_recordings([joined])
    permit = permit_voice(subject, record)
    network = load_speech_network()
    begun = time.process_time()
    utterances = read_clips(network, clips)
    person = average_person(subject)
    base = choose_base(network, utterances, person)
    print(f"{clips[0].stem.partition('__')[0]} begins with {base}")
    result = VoiceTask(network, utterances, base, person, adapters).fit(steps, lambda step, error: None)
    print(f"learned in {time.process_time() - begun:.0f} s of CPU, {len(utterances)} utterances: {result.errors}")
    melody = Melody.measure(np.concatenate([one.f0 for one in utterances]))
    decoder = apply_adapters(network.decoder, result.adapters)
    exemplars = learn_exemplars(network, result.timbre, result.adapters, utterances)
    base_voice = load_stock_voice(base)
    model = VoiceModel(
        "talker", network, decoder, base_voice, permit, result.timbre, melody, measure_tempo(utterances), exemplars
    )
    references: References = {}
    for name, vector in embed(Sound(np.concatenate([one.samples for one in utterances])[None], RATE)).items():
        whole = subject.embeddings[name].mean(axis=0)
        references[f"{ROLES[name]}_voice"] = name, vector
        references[f"{ROLES[name]}_clips"] = name, whole / np.linalg.norm(whole)
    return model, references


def join_clips(clips: list[Path], path: Path) -> Path:
    """One recording of all clips."""
    with SoundWriter(path, RATE, 1) as writer:
        for clip in clips:
            writer.write(read_sound(clip, RATE).mono()[None])
    return path


def read_clips(network: SpeechNetwork, clips: list[Path]) -> list[Utterance]:
    """The clips with the words that their names say, as if these lay beside them in text files."""
    with tempfile.TemporaryDirectory() as folder:
        copies = []
        for clip in clips:
            copies.append(Path(shutil.copy(clip, folder)))
            copies[-1].with_suffix(".txt").write_text(spell_grid(clip.stem), encoding="utf-8")
        return collect_utterances(network, copies, 3600.0)


def judge_sound(
    samples: np.ndarray, voice: References, text: str, mos: Callable[[Sound], float], source: Sound | None
) -> dict[str, float]:
    """Cosines to the voice and to the performer by the judge, and by the encoder of the fit; words wrong in %, MOS."""
    sound = Sound(samples[None], RATE)
    wrong, count = count_errors(text, " ".join(word.text for word in recognize(sound)))
    found = embed(sound)
    row = {name: float(found[encoder] @ vector) for name, (encoder, vector) in voice.items()}
    row |= {"wrong": 100 * wrong / count, "mos": mos(sound)}
    if source is not None:
        own = embed(source)
        heard = " ".join(word.text for word in recognize(Sound(source.mono()[None], RATE)))
        row |= {f"{role}_performer": float(found[encoder] @ own[encoder]) for encoder, role in ROLES.items()}
        row |= {"source_wrong": 100 * count_errors(text, heard)[0] / count, "source_mos": mos(source)}
        row |= {f"source_{name}": float(own[encoder] @ vector) for name, (encoder, vector) in voice.items()}
    return row


def embed(sound: Sound) -> dict[str, np.ndarray]:
    """The speaker's embeddings; of too little speech not a number, which no mean counts."""
    try:
        return embed_speaker(sound)
    except MediaError:
        return {name: np.full(256, np.nan) for name in ROLES}


def load_mos() -> Callable[[Sound], float]:
    """DistillMOS, or a judge that knows nothing."""
    sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))
    try:
        import distillmos
    except ImportError:
        return lambda sound: float("nan")
    with contextlib.redirect_stdout(sys.stderr):
        network: Any = distillmos.ConvTransformerSQAModel().eval()

    def judge(sound: Sound) -> float:
        with torch.inference_mode():
            return float(network(torch.from_numpy(to_mono(sound.samples, sound.rate))[None])[0])

    return judge


def spell_grid(name: str) -> str:
    """``bbaf2n`` as bin blue at f two now."""
    code = name.rpartition("__")[2]
    return " ".join(words.get(letter, letter) for words, letter in zip(WORDS, code, strict=True))


def find_clip(data: Path, name: str) -> Path:
    """A clip by its name without suffix."""
    return next(path for folder in ("clips", "clips_grid") for path in (data / folder).glob(f"{name}.mpg"))


def find_clips(data: Path, talker: str) -> list[Path]:
    """The clips of a talker of GRID, in order of name."""
    if talker == "s1":
        return sorted((data / "clips").glob("bb*.mpg"))
    return sorted((data / "clips_grid").glob(f"grid_{talker}__*.mpg"))


if __name__ == "__main__":
    main()
