"""Tests of `verify`: effigie's outputs, altered, stripped, of other programs, and files of other kinds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import wave
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import av
import cv2
import numpy as np
import pytest
import skimage.data

from effigie.consent import ConsentStore, new_consent, revoke
from effigie.errors import EffigieError
from effigie.io.atomic_write import sha256
from effigie.media import EncodeSettings, VideoReader, VideoWriter, probe
from effigie.media.pictures.writer import write_still
from effigie.provenance.c2pa.credentials import Claim, sign_file
from effigie.provenance.ledger.fingerprint import compute_fingerprint
from effigie.provenance.ledger.ledger import Ledger, LedgerEntry
from effigie.provenance.verifier import verify
from effigie.provenance.watermark import WatermarkEmbedder, detector

OUTPUT_ID = "5ca1ab1e0042"
KEYS = ["verdict", "credentials", "watermark", "ledger", "consent", "sound_watermark"]


@pytest.fixture(autouse=True)
def upright(monkeypatch):
    """Tries one pose beside the upright one instead of eight: nothing here is cropped, and each takes time."""
    monkeypatch.setattr(detector, "MAX_POSES", 1)


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """The folder of a user who has made an output, with a consent record in the store."""
    folder = tmp_path_factory.mktemp("user")
    before = os.environ.get("EFFIGIE_HOME")
    os.environ["EFFIGIE_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["EFFIGIE_HOME"]
    else:
        os.environ["EFFIGIE_HOME"] = before


@pytest.fixture(scope="module")
def still(man, tmp_path_factory):
    """The man's first frame: what a record is made of here."""
    path = tmp_path_factory.mktemp("still") / "man.png"
    with VideoReader(man, 0, 1) as reader:
        write_still(path, next(iter(reader)).image)
    return path


@pytest.fixture(scope="module")
def record(user, still):
    return new_consent("the man of the samples", [still], ("swap",), timedelta(days=9), basis="sample")


@pytest.fixture(scope="module")
def made(user, man, record, tmp_path_factory):
    """An output: marked, signed, in the ledger; and the same without credentials."""
    ConsentStore([user / "consents"]).add(record)
    folder = tmp_path_factory.mktemp("made")
    marked, output = folder / "marked.mp4", folder / "output.mp4"
    looks = []
    info = probe(man)
    marker = WatermarkEmbedder(int(OUTPUT_ID, 16), (info.height, info.width))
    with VideoReader(man, stop=48) as reader, VideoWriter(marked, info, EncodeSettings(keep_audio=False)) as writer:
        for frame in reader:
            if frame.index % 25 == 0:
                looks.append((float(frame.time), compute_fingerprint(frame.image)))
            writer.write(marker.embed(frame.image, None), frame.time, frame.duration)
    claim = Claim(OUTPUT_ID, "convert", "output.mp4", "ab" * 32, (record.id,), (man,), watermarked=True)
    sign_file(marked, output, claim)
    Ledger().add(
        LedgerEntry(
            OUTPUT_ID, datetime.now(UTC), "convert", "output.mp4", "ab" * 32, (record.id,), sha256(output), tuple(looks)
        )
    )
    return output, marked


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """Another machine: no ledger, no keys, no records."""
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "stranger"))


def encoded(path, target, crf=28, scale=1.0, skip=0):
    info = probe(path)
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=round(info.rate))
        stream.width, stream.height = round(info.width * scale), round(info.height * scale)
        stream.pix_fmt, stream.options = "yuv420p", {"crf": str(crf), "preset": "veryfast"}
        with VideoReader(path, skip) as reader:
            for frame in reader:
                image = cv2.resize(frame.image, (stream.width, stream.height), interpolation=cv2.INTER_AREA)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
    return target


def text(found):
    assert all("\n" not in line for line in found.lines)
    return "\n".join(found.lines)


@pytest.mark.slow
def test_an_output_as_it_left(made, record):
    found = verify(made[0])
    assert found.verdict == "made-by-effigie"
    assert found.credentials.state in ("valid", "trusted") and found.credentials.output_id == OUTPUT_ID
    assert found.watermark.id == OUTPUT_ID and found.watermark.confidence > 0.99
    assert found.ledger.entry.name == "output.mp4" and found.ledger.matched == ("id", "file", "pictures")
    assert found.consent.state == "valid" and found.consent.records[0].id == record.id
    assert "byte for byte" in text(found) and "the man of the samples" in text(found)


def test_as_json(made, record):
    document = json.loads(json.dumps(verify(made[0]).to_json()))
    assert list(document) == KEYS
    assert document["verdict"] == "made-by-effigie"
    assert document["credentials"]["state"] in ("valid", "trusted")
    assert document["watermark"]["id"] == OUTPUT_ID and 0.99 < document["watermark"]["confidence"] <= 1
    assert document["ledger"]["output_id"] == OUTPUT_ID and document["ledger"]["consents"] == [record.id]
    assert document["consent"]["state"] == "valid"
    assert document["consent"]["records"][0]["subject"] == "the man of the samples"


def test_on_another_machine(made, stranger, record):
    found = verify(made[0])
    assert found.verdict == "made-by-effigie" and found.credentials.state == "valid"
    assert found.ledger is None
    assert found.consent.state == "unknown" and found.consent.records[0].id == record.id
    assert "not who signed it" in text(found)


def test_stripped_coded_again_and_half_the_size(made, tmp_path):
    found = verify(encoded(made[1], tmp_path / "small.mp4", crf=20, scale=0.5))
    assert found.verdict == "made-by-effigie"
    assert found.credentials.state == "absent"
    assert found.watermark.id == OUTPUT_ID
    assert found.ledger.matched == ("id", "pictures")
    assert found.consent.state == "valid"
    assert "changed since" in text(found)


def test_mark_alone(made, stranger):
    found = verify(made[1])
    assert found.verdict == "made-by-effigie" and found.consent is None and found.ledger is None


def test_a_mark_that_only_the_ledger_tells_is_called_so(made):
    found = verify(made[0])
    assert not found.watermark.by_ledger and "too faint" not in text(found)
    faint = replace(found, watermark=replace(found.watermark, by_ledger=True))
    assert "told from the other ids of this machine's ledger" in text(faint)
    assert faint.to_json()["watermark"]["by_ledger"] is True


def test_changed_after_it_was_signed(made, tmp_path):
    data = bytearray(made[0].read_bytes())
    data[len(data) * 2 // 3] ^= 1
    path = tmp_path / "changed.mp4"
    path.write_bytes(data)
    found = verify(path)
    assert found.verdict == "broken" and found.credentials.state == "broken"
    assert "changed after" in found.lines[0]


@pytest.mark.slow
def test_looking_alike_is_no_verdict(made, man, tmp_path):
    """The clip that a swap was made from looks like the swap."""
    found = verify(encoded(man, tmp_path / "original.mp4", crf=20))
    assert found.verdict == "nothing-found"
    assert found.ledger.matched == ("pictures",) and found.ledger.entry.output_id == OUTPUT_ID
    assert found.consent is None
    assert "no proof" in text(found)


def test_found_by_its_pictures_wherever_it_was_cut(made, man, tmp_path):
    found = verify(encoded(man, tmp_path / "late.mp4", skip=17))
    assert found.ledger is not None and found.ledger.matched == ("pictures",)


@pytest.mark.slow
def test_revoked(made, record):
    project = ConsentStore([made[0].parent / ".effigie" / "consents"])
    (revocation,) = project.revoke(revoke(record, reason="asked to"))
    try:
        found = verify(made[0])
        assert found.verdict == "made-by-effigie" and found.consent.state == "revoked"
        assert "REVOKED" in text(found)
    finally:
        revocation.unlink()
    assert verify(made[0]).consent.state == "valid"


def test_expired(made, still, tmp_path):
    begins = (datetime.now() - timedelta(days=30)).date()
    old = new_consent("somebody", [still], ("swap",), begins + timedelta(days=9), begins=begins, basis="sample")
    store, ledger = ConsentStore([tmp_path / "consents"]), Ledger(tmp_path / "ledger.sqlite")
    store.add(old)
    entry = Ledger().find_by_id(OUTPUT_ID)
    ledger.add(LedgerEntry(OUTPUT_ID, entry.time, "convert", "output.mp4", None, (old.id,), None, entry.fingerprints))
    found = verify(made[1], ledger=ledger, store=store)
    assert found.consent.state == "expired" and old.until.isoformat() in text(found)


def test_credentials_of_others(stranger, man, tmp_path):
    sign = """
import io, json, sys
import c2pa
from effigie.provenance.c2pa.certificate import local_identity
who = local_identity()
info = c2pa.C2paSignerInfo(who.alg, who.certificate_chain_pem.encode(), who.private_key_pem.encode(), None)
claim = {"claim_generator_info": [{"name": "Camera", "version": "1"}], "title": "photo", "assertions": [
    {"label": "c2pa.actions", "data": {"actions": [{"action": "c2pa.created",
     "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"}]}}]}
with c2pa.Signer.from_info(info) as signer, c2pa.Builder(claim) as builder, open(sys.argv[1], "rb") as given, \\
        open(sys.argv[2], "w+b") as signed:
    builder.sign(signer, "image/png", given, signed)
"""
    cv2.imwrite(str(tmp_path / "given.png"), skimage.data.astronaut()[..., ::-1])
    signed = tmp_path / "photo.png"
    subprocess.run([sys.executable, "-c", sign, str(tmp_path / "given.png"), str(signed)], check=True)
    found = verify(signed)
    assert found.verdict == "marked-by-others"
    assert found.credentials.state in ("valid", "trusted") and not found.credentials.is_effigie_output
    assert found.watermark is None and found.consent is None
    assert "Camera" in text(found)


def _gif(path, man):
    with VideoReader(man, 0, 12) as reader, av.open(str(path), "w") as output:
        stream = output.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "rgb8"
        for frame in reader:
            small = cv2.resize(frame.image, (160, 90))
            output.mux(stream.encode(av.VideoFrame.from_ndarray(small, "rgb24").reformat(format="rgb8")))
        output.mux(stream.encode(None))


def _sound(path, man):
    with wave.open(str(path), "wb") as output:
        output.setparams((1, 2, 8000, 0, "NONE", ""))
        output.writeframes(bytes(16000))


def _cut(path, man):
    path.write_bytes(man.read_bytes()[:50000])


NOT_OURS = {
    "clip.mp4": lambda path, man: shutil.copy(man, path),
    "still.png": lambda path, man: cv2.imwrite(str(path), skimage.data.astronaut()[..., ::-1]),
    "still.jpg": lambda path, man: cv2.imwrite(str(path), skimage.data.astronaut()[..., ::-1]),
    "black.png": lambda path, man: cv2.imwrite(str(path), np.zeros((99, 99, 3), np.uint8)),
    "dot.png": lambda path, man: cv2.imwrite(str(path), np.zeros((1, 1, 3), np.uint8)),
    "moves.gif": _gif,
    "sound.wav": _sound,
    "words.txt": lambda path, man: path.write_text("words"),
    "words.mp4": lambda path, man: path.write_text("words"),
    "words.jpg": lambda path, man: path.write_text("words"),
    "nothing": lambda path, man: path.touch(),
    "nothing.mp4": lambda path, man: path.touch(),
    "cut.mp4": _cut,
    "noise.mov": lambda path, man: path.write_bytes(np.random.default_rng(1).bytes(70000)),
    "ünï [x] %d.bin": lambda path, man: path.write_bytes(bytes(100)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NOT_OURS)
def test_any_file_has_a_verdict(name, man, tmp_path, stranger):
    NOT_OURS[name](tmp_path / name, man)
    found = verify(tmp_path / name)
    assert found.verdict == "nothing-found"
    assert found.watermark is None and found.ledger is None and found.consent is None
    assert "does not mean that it is authentic" in found.lines[0]
    assert list(json.loads(json.dumps(found.to_json()))) == KEYS


@pytest.mark.parametrize("length", [0.1, 0.5, 0.9, 0.999])
def test_an_output_cut_short(made, tmp_path, length):
    data = made[0].read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: int(length * len(data))])
    assert verify(path).verdict in ("broken", "nothing-found")


def test_a_ledger_that_cannot_be_read_hinders_nothing(made, tmp_path):
    (tmp_path / "ledger.sqlite").write_bytes(b"no ledger" * 999)
    found = verify(made[0], ledger=Ledger(tmp_path / "ledger.sqlite"))
    assert found.verdict == "made-by-effigie" and found.ledger is None
    assert any("ledger" in note and "damaged" in note for note in found.notes)
    assert found.to_json()["ledger"] is None


def test_a_name_that_is_no_consent_id_opens_no_file(made, tmp_path, record):
    record.save(tmp_path / "record.json")
    signed = tmp_path / "signed.mp4"
    sign_file(made[1], signed, Claim("00000000cafe", "convert", consents=(str(tmp_path / "record.json"),)))
    found = verify(signed, ledger=Ledger(tmp_path / "none.sqlite"))
    assert found.consent.state == "unknown" and found.consent.records[0].subject is None
    assert "another output" in text(found)


def test_verify_leaves_nothing_behind(man, tmp_path, stranger):
    shutil.copy(man, tmp_path / "clip.mp4")
    before = sorted(tmp_path.rglob("*"))
    verify(tmp_path / "clip.mp4")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_cannot_be_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    for path, words in (("none.mp4", "does not exist"), (".", "a folder"), ("pipe.mp4", "no ordinary file")):
        with pytest.raises(EffigieError, match=words):
            verify(tmp_path / path)


@pytest.mark.slow
def test_on_the_command_line(here, made, tmp_path):
    ended = here("verify", made[0])
    assert ended.code == 0 and "made with effigie" in ended.out.splitlines()[0]
    ended = here("verify", made[0], "--json")
    assert ended.code == 0 and list(json.loads(ended.out)) == KEYS and not ended.err
    (tmp_path / "words.txt").write_text("words")
    ended = here("verify", tmp_path / "words.txt", "--json")
    assert ended.code == 0 and json.loads(ended.out)["verdict"] == "nothing-found"
    ended = here("verify", "missing.mp4")
    assert ended.code == 1 and "missing.mp4" in ended.line()


@pytest.mark.slow
def test_starts_without_torch(made):
    code = (
        "import sys; from effigie.provenance.verifier import verify\nverify(sys.argv[1]); print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code, str(made[0])], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_a_terminal_does_not_obey_the_file(made, tmp_path):
    path = tmp_path / "a\x1b[31mred\udcff.mp4"
    sign_file(made[1], path, Claim("00000000cafe", "convert", consents=("\x1b]0;title\x07",)))
    assert text(verify(path)).replace("\n", "").isprintable()
