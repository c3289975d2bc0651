"""Tests of Voices: commands of ids and texts, what a workspace holds, sentences to be read, what sounds look like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running_studio import RunningStudio

from effigie.consent.challenge import Challenge, sign_answer
from effigie.consent.document import Consent
from effigie.consent.keys import operator_key
from effigie.consent.signature import CONSENT, OPERATOR, Signature
from effigie.consent.terms import VOICE_NETWORKS, Terms
from effigie.consent.values import local_today, utc_now
from effigie.errors import EffigieError
from effigie.media.sound.writer import SoundWriter
from effigie.studio.jobs.commands import build_command
from effigie.studio.jobs.job import LOG_FILE, read_answer
from effigie.studio.readings import answer_path, draw_sentence, list_answers
from effigie.studio.voices import describe_voice
from effigie.studio.workspace import Workspace
from effigie.voice import SpeakSettings, VoiceConvertSettings

RATE = 24000
HERTZ = 150.0


@pytest.fixture
def workspace(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty one of somebody who keeps no records: commands name those that they know of."""
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path_factory.mktemp("home")))
    return Workspace.open(tmp_path)


def put(workspace: Workspace, name: str, data: bytes = b"x") -> str:
    """A file of the workspace; its id."""
    path = workspace.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return workspace.handles.issue(path)


def put_voice(workspace: Workspace, consents: list[str]) -> str:
    """A folder as `effigie voice learn` makes one, as far as the studio reads it; its id."""
    config = {"kind": "voice", "base": "am_adam", "melody": {"mean": float(np.log(120)), "spread": 0.2}, "tempo": 1.0}
    manifest = {"created": "2026-11-01T10:00:00+00:00", "consents": consents, "recordings": [{"name": "anna.wav"}]}
    manifest |= {"steps": 60, "held_out": {"best": 1.25}, "missing_phonemes": "ʒ"}
    put(workspace, "voices/anna/config.json", json.dumps(config).encode())
    put(workspace, "voices/anna/manifest.json", json.dumps(manifest).encode())
    return workspace.handles.issue(workspace.root / "voices" / "anna")


def save_record(folder: Path) -> Consent:
    """A record with a voice that nobody has, in a workspace."""
    vectors = np.random.default_rng(1).normal(size=(2, 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    values: dict[str, Any] = {"subject": "Anna", "uses": ("voice",), "purpose": None, "territory": None}
    values |= {"begins": local_today(), "until": None, "evidence": (), "basis": "release", "strength": "attested"}
    values |= {"embeddings": np.zeros((0, 128), np.float32), "voices": dict.fromkeys(VOICE_NETWORKS, vectors)}
    values["created"] = utc_now()
    record = Consent(
        **values, signatures=(Signature.create(CONSENT, Terms(**values).digest, OPERATOR, operator_key()),)
    )
    record.save(folder / ".effigie" / "consents" / "anna.json", replace=True)  # of an earlier test
    return record


def save_answer(workspace: Workspace, record: Consent, nonce: str, **found: int) -> None:
    """What `effigie consent answer` writes of a reading."""
    fields = {"consent": record.id, "digest": record.digest, "sentence": "the cold river", "asked": utc_now()}
    answer = sign_answer(
        {**fields, "recording": "ab" * 32, "words_right": 1000, "similarity": 950, **found}, operator_key()
    )
    path = answer_path(workspace, nonce)
    path.parent.mkdir(exist_ok=True)
    answer.save(path)


def test_a_text_is_spoken_by_a_command_that_users_could_type(workspace: Workspace) -> None:
    fields = {"voice": "willow", "text": "The birch\n canoe; $(slid)", "name": "canoe", "speed": 0.9}
    command = build_command(workspace, "voice-speak", fields)
    said = ("-o", "results/canoe.wav", "--speed=0.9", "willow", "The birch canoe; $(slid)")
    assert command.arguments == ("voice", "speak", *said)
    assert (command.lane, command.made) == (
        "quick",
        {"output": str(workspace.root / "results/canoe.wav"), "stock": "willow"},
    )
    dash = build_command(workspace, "voice-speak", {"voice": "willow", "text": "--help", "name": "a"})
    assert dash.arguments[-3:] == ("--", "willow", "--help")
    fields = {"voice": put_voice(workspace, []), "text": "Hi.", "name": "a", "likeness": 0}
    learned = build_command(workspace, "voice-speak", fields)
    assert {"voices/anna", "--likeness=0"} < set(learned.arguments)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"text": "/etc/passwd"}, "name of a file"),
        ({"text": "clips/secret.txt"}, "name of a file"),
        ({"text": "../" * 12 + "etc/passwd"}, "name of a file"),
        ({"text": " \n "}, "text: fill it in"),
        ({"text": "x" * 2001}, "text: fill it in"),
        ({"text": "Hi.", "voice": "nobody"}, "no such file"),
        ({"text": "Hi.", "speed": 9}, "from 0.5 to 2"),
        ({"text": "Hi.", "likeness": 1.1}, "from 0 to 1"),
        ({"text": "Hi.", "name": "../out"}, "a name has letters"),
    ],
)
def test_what_cannot_be_said_is_refused(workspace: Workspace, fields: dict[str, Any], line: str) -> None:
    put(workspace, "clips/secret.txt")
    with pytest.raises(EffigieError, match=line):
        build_command(workspace, "voice-speak", {"voice": "willow", "name": "out", **fields})


def test_a_folder_without_a_voice_is_none(workspace: Workspace) -> None:
    put(workspace, "clips/a.mp4")
    handle = workspace.handles.issue(workspace.root / "clips")
    with pytest.raises(EffigieError, match="is no voice"):
        build_command(workspace, "voice-speak", {"voice": handle, "text": "Hi.", "name": "a"})


def test_performances_are_converted_and_clips_dubbed(workspace: Workspace) -> None:
    record = save_record(workspace.root)
    voice, clip, sound = (
        put_voice(workspace, [record.id]),
        put(workspace, "clips/a.mp4"),
        put(workspace, "sounds/b.wav"),
    )
    record.save(workspace.root / "voices" / "anna" / "consents" / f"{record.id}.json")
    command = build_command(
        workspace, "voice-convert", {"voice": voice, "performance": sound, "name": "b", "melody": 1, "likeness": 0.4}
    )
    assert command.arguments == (
        *("voice", "convert", "voices/anna", "sounds/b.wav"),
        "-o",
        "results/b.wav",
        "--melody=1",
        "--likeness=0.4",
    )
    assert command.made is not None and command.made["input"].endswith("sounds/b.wav")
    spoken = build_command(workspace, "dub", {"clip": clip, "voice": voice, "text": "Hi.", "name": "a"})
    assert spoken.arguments[:4] == ("dub", "clips/a.mp4", "-o", "results/a.mp4")
    assert spoken.arguments[4:7] == ("--text=Hi.", "--voice", "voices/anna")
    assert spoken.arguments[7:] == ("--consent", f"voices/anna/consents/{record.id}.json")
    heard = build_command(workspace, "dub", {"clip": clip, "speech": sound, "name": "a"})
    assert heard.arguments[4:] == ("--speech", "sounds/b.wav")
    with pytest.raises(EffigieError, match="voice: fill it in"):
        build_command(workspace, "dub", {"clip": clip, "name": "a"})


def test_a_voice_is_learned_with_record_and_answer(workspace: Workspace) -> None:
    record, recording = save_record(workspace.root), put(workspace, "recordings/anna.wav")
    nonce = draw_sentence(workspace, record.id)["nonce"]
    checked = build_command(workspace, "voice-answer", {"nonce": nonce, "recording": recording})
    path = f"evidence/reading-{nonce}.answer.json"
    assert checked.arguments[:4] == (
        "consent",
        "answer",
        f".effigie/studio/readings/{nonce}.json",
        "recordings/anna.wav",
    )
    assert checked.arguments[4:6] == ("-o", path) and checked.lane == "quick"
    save_answer(workspace, record, nonce)
    (answer,) = list_answers(workspace)
    fields = {"recordings": [recording], "consent": record.id, "answer": answer["id"], "name": "anna", "steps": 80}
    command = build_command(workspace, "voice-learn", fields)
    files = ("recordings/anna.wav", "-o", "voices/anna", "--consent", ".effigie/consents/anna.json", "--answer", path)
    assert command.arguments == ("voice", "learn", *files, "--steps", "80") and command.lane == "long"
    put_voice(workspace, [])
    with pytest.raises(EffigieError, match="is there already"):
        build_command(workspace, "voice-learn", fields)
    with pytest.raises(EffigieError, match="answer: fill it in"):
        build_command(workspace, "voice-learn", {**fields, "answer": ""})


def test_a_consent_to_a_voice_needs_a_recording(workspace: Workspace) -> None:
    recording, fields = put(workspace, "recordings/a.wav"), {"subject": "Anna", "uses": ["voice"], "basis": "release"}
    command = build_command(workspace, "consent-new", {**fields, "recordings": [recording]})
    assert command.arguments[:5] == ("consent", "new", "Anna", "--voice", "recordings/a.wav")
    with pytest.raises(EffigieError, match="a photo or clip of the person, or a recording"):
        build_command(workspace, "consent-new", fields)
    with pytest.raises(EffigieError, match="needs a recording of it"):
        build_command(workspace, "consent-new", {**fields, "photos": [put(workspace, "clips/a.jpg")]})


def test_a_sentence_is_drawn_for_a_record_with_a_voice(studio: RunningStudio) -> None:
    record = save_record(studio.workspace)
    status, drawn = studio.ask("POST", "/api/voices/sentence", {"record": record.id})
    assert status == 200 and len(drawn["sentence"].split()) == 22 and drawn["subject"] == "Anna"
    challenge = Challenge.load(studio.workspace / ".effigie" / "studio" / "readings" / f"{drawn['nonce']}.json")
    assert (challenge.consent, challenge.sentence) == (record.id, drawn["sentence"])
    assert studio.ask("POST", "/api/voices/sentence", {"record": record.id})[1]["sentence"] != drawn["sentence"]
    for wrong in ("../anna", "c-" + "0" * 16, None):
        assert studio.ask("POST", "/api/voices/sentence", {"record": wrong})[0] in (400, 403, 422)
    handle = studio.ask("PUT", "/api/uploads/recordings?name=read.webm", b"x")[1]["id"]
    for nonce in ("ab" * 16, "../" + drawn["nonce"], "x"):
        assert studio.start_job("voice-answer", {"nonce": nonce, "recording": handle})[0] == 404


def test_voices_are_listed_with_their_consent(studio: RunningStudio) -> None:
    workspace, record = Workspace.open(studio.workspace), save_record(studio.workspace)
    put_voice(workspace, [record.id, "c-" + "0" * 16])
    save_answer(workspace, record, "ab" * 16, words_right=700)
    found = studio.ask("GET", "/api/voices")[1]
    (voice,) = found["voices"]
    assert (voice["name"], voice["f0_hz"], voice["base"], voice["missing"]) == ("anna", 120, "am_adam", "ʒ")
    assert {one["subject"]: one["state"] for one in voice["consents"]} == {"Anna": "valid", "": "missing"}
    assert {"name": "willow", "kind": "a woman, American: the mean of eight"} in found["stock"]
    assert found["likeness"] == {"speak": SpeakSettings().likeness, "convert": VoiceConvertSettings().likeness}
    (answer,) = found["answers"]
    assert (answer["record"], answer["words_right"], answer["agrees"]) == (record.id, 0.7, False)
    library = studio.ask("GET", "/api/library")[1]
    assert [one["name"] for one in library["voices"]] == ["anna"] and not library["models"]


def test_half_a_voice_and_other_models_are_told_apart(workspace: Workspace) -> None:
    put_voice(workspace, [])
    (workspace.root / "voices" / "anna" / "manifest.json").unlink()
    found = describe_voice(workspace.root / "voices" / "anna")
    assert found is not None and found["learned"] is None
    put(workspace, "models/m/config.json", b'{"kind": "swap"}')
    assert describe_voice(workspace.root / "models" / "m") is None
    assert describe_voice(workspace.root / "models") is None


def test_recordings_and_made_sounds_are_told_apart(studio: RunningStudio) -> None:
    for name in ("a.webm", "b.wav", "c.mp4"):
        assert studio.ask("PUT", f"/api/uploads/recordings?name={name}", b"x")[0] == 200
    assert studio.ask("PUT", "/api/uploads/recordings?name=d.json", b"x")[0] == 400
    for name in ("said.wav", "said.wav.notice.txt", "other.wav"):
        put(Workspace.open(studio.workspace), f"results/{name}")
    library = studio.ask("GET", "/api/library")[1]
    assert {"a.webm", "b.wav", "c.mp4"} <= {one["name"] for one in library["recordings"]}
    (made,) = [one for one in library["results"] if one["sound"]]
    assert made["name"] == "said.wav" and made["id"] in [one["id"] for one in library["sounds"]]
    assert not {"a.webm", "c.mp4"} & {one["name"] for one in library["clips"]}


def test_a_sound_is_looked_at_and_heard(studio: RunningStudio, tmp_path: Path) -> None:
    seconds = np.arange(2 * RATE) / RATE
    tones = sum(np.sin(2 * np.pi * HERTZ * n * seconds) / n for n in range(1, 12))
    with SoundWriter(tmp_path / "tone.wav", RATE, 1) as writer:
        writer.write((0.1 * tones)[None].astype(np.float32))
    data = (tmp_path / "tone.wav").read_bytes()
    handle = studio.ask("PUT", "/api/uploads/recordings?name=tone.wav", data)[1]["id"]
    status, look = studio.ask("GET", f"/api/sounds/{handle}")
    assert status == 200 and abs(look["seconds"] - 2) < 0.05 and len(look["f0"]) == pytest.approx(100, abs=2)
    voiced = [one for one in look["f0"] if one]
    assert len(voiced) > 80 and np.median(voiced) == pytest.approx(HERTZ, rel=0.03)
    assert studio.ask("GET", f"/api/sounds/{handle}/spectrogram")[1][:4] == b"\x89PNG"
    status, headers, body = studio.raw("GET", f"/api/files/{handle}", studio.headers())
    assert status == 200 and headers["content-type"] == "audio/wav" and body == data
    broken = studio.ask("PUT", "/api/uploads/recordings?name=broken.wav", b"no sound")[1]["id"]
    status, answer = studio.ask("GET", f"/api/sounds/{broken}")
    assert status == 422 and "broken.wav" in answer["error"]


def test_the_answer_of_a_job_is_read_out_of_its_log(tmp_path: Path) -> None:
    found = json.dumps({"missing": "ʒ", "recordings": [{}]}, indent=2, ensure_ascii=False)
    text = f'{{"stage": "review", "done": 1}}\nreview: 1 of 1\n{found}\n'
    (tmp_path / LOG_FILE).write_text(text, "utf-8")
    assert read_answer(tmp_path) == {"missing": "ʒ", "recordings": [{}]}
    (tmp_path / LOG_FILE).write_text('{\n  "missing"', "utf-8")
    assert read_answer(tmp_path) == {}
    assert read_answer(tmp_path / "gone") == {}
