"""Tests of reading credentials from changed, foreign, damaged and hostile files."""

from __future__ import annotations

import dataclasses
import random
import shutil
import struct
import time
from pathlib import Path

import pytest
from credential_files import CLAIM, flipped, independent, make

from effigie.provenance.c2pa import containers
from effigie.provenance.c2pa.certificate import trust_anchors
from effigie.provenance.c2pa.credentials import sign_file
from effigie.provenance.c2pa.reader import read_credentials

SECONDS = 120.0  # for reading anything small, on the slowest and busiest machine


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EFFIGIE_HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("EFFIGIE_TRUST_ANCHORS", raising=False)
        yield


@pytest.fixture(scope="module", params=["mp4", "mov", "png", "jpg"])
def signed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed file whose input brought credentials along."""
    return _sign(request, tmp_path_factory)


@pytest.fixture(scope="module", params=["wav", "mp3", "flac", "m4a"])
def signed_sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of sound."""
    return _sign(request, tmp_path_factory)


def _sign(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed")
    earlier, path = folder / "earlier.mp4", folder / f"signed.{request.param}"
    sign_file(make(folder / "clip.mp4", 5), earlier, CLAIM)
    claim = dataclasses.replace(CLAIM, ingredients=(earlier,))
    sign_file(make(folder / f"in.{request.param}"), path, claim)
    assert read_credentials(path).state == "trusted"
    return path


def _region(path: Path) -> tuple[int, int]:
    """Where the manifest and all that wraps it lies: from the first byte that differs to the unsigned file."""
    before, after = path.with_name(f"in{path.suffix}").read_bytes(), path.read_bytes()
    start = next(index for index, (one, other) in enumerate(zip(before, after, strict=False)) if one != other)
    return start, start + len(after) - len(before)


@pytest.mark.slow
def test_any_flipped_bit_breaks(signed: Path) -> None:
    _check_flips(signed)


@pytest.mark.slow
def test_any_flipped_bit_of_sound_breaks(signed_sound: Path) -> None:
    _check_flips(signed_sound)


def _check_flips(signed: Path) -> None:
    size = signed.stat().st_size
    start, stop = _region(signed)
    chance = random.Random(1)
    positions = [
        *chance.sample(range(size), 60),
        *chance.sample(range(start, stop), 60),
        *chance.sample(range(stop, size), 60),
        *range(0, min(start, 256) + 64, 3),
        *range(start, start + 64),
        *range(size - 4, size),
    ]
    intact = {
        position: state
        for position in positions
        if (state := read_credentials(flipped(signed, [position], chance.randrange(8), "flip")).state) != "broken"
    }
    assert not intact


def test_the_parts_that_the_standard_leaves_open_are_closed(signed: Path) -> None:
    """The padding of a signature and the file type are in no hash: others call such a file valid, we do not."""
    data = signed.read_bytes()
    padding = data.rindex(b"cpadY") + 8  # the newest manifest stands last
    assert data[padding : padding + 100] == bytes(100)
    payload = data.index(b"\xf6X@", padding)  # the empty payload, then a signature of 64 bytes
    places = [padding, padding + 50, payload] + ([16] if signed.suffix in (".mp4", ".mov") else [])
    for place in places:
        copy = flipped(signed, [place], 0, "open")
        assert independent(copy)["validation_state"] == "Valid", place
        state = read_credentials(copy)
        assert state.state == "broken" and "after it was signed" in " ".join(state.problems), place


def test_metadata_and_pictures_are_bound(signed: Path) -> None:
    data = signed.read_bytes()
    names = {".mp4": (b"mdat", b"mvhd", b"avcC"), ".mov": (b"mdat", b"mvhd"), ".png": (b"IHDR", b"IDAT")}
    for name in names.get(signed.suffix, (b"JFIF", b"\xff\xda")):
        state = read_credentials(flipped(signed, [data.rindex(name) + len(name) + 6], 3, "bound"))
        assert state.state == "broken" and state.problems, name


def test_cut_short_lengthened_and_stripped(signed: Path, tmp_path: Path) -> None:
    data = signed.read_bytes()
    copy = tmp_path / f"cut{signed.suffix}"
    for share in (0.5, 0.9, 0.999):
        copy.write_bytes(data[: int(len(data) * share)])
        assert read_credentials(copy).state == "broken", share
    copy.write_bytes(data + b"more")
    assert read_credentials(copy).state == "broken"
    shutil.copy(signed.with_name(f"in{signed.suffix}"), copy)
    state = read_credentials(copy)
    assert state.state == "absent" and not state.problems and not state.is_effigie_output


def test_the_manifest_of_another_file_is_broken(tmp_path: Path) -> None:
    one, other = make(tmp_path / "one.png", 1), make(tmp_path / "other.png", 2)
    signed = tmp_path / "signed.png"
    sign_file(one, signed, CLAIM)
    data, victim = signed.read_bytes(), other.read_bytes()
    start = data.index(b"caBX") - 4
    chunk = data[start : start + int.from_bytes(data[start : start + 4], "big") + 12]
    copy = tmp_path / "copy.png"
    copy.write_bytes(victim[:33] + chunk + victim[33:])
    assert read_credentials(copy).state == "broken"


def test_the_chain_of_an_input_is_kept_and_judged(tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.mp4" for name in ("first", "second", "third"))
    sign_file(make(tmp_path / "in.mp4"), first, CLAIM)
    sign_file(
        make(tmp_path / "new.mp4", 7),
        second,
        dataclasses.replace(CLAIM, output_id="111111111111", ingredients=(first,)),
    )
    face = make(tmp_path / "face.png")
    sign_file(
        make(tmp_path / "newer.mp4", 8),
        third,
        dataclasses.replace(CLAIM, output_id="222222222222", ingredients=(second, face)),
    )
    store = independent(third)
    assert len(store["manifests"]) == 3
    state = read_credentials(third)
    assert state.state == "trusted" and state.actions == ("c2pa.opened", "c2pa.placed", "c2pa.edited")
    kept, placed = state.ingredients
    assert (kept.title, kept.relationship, kept.state, kept.output_id) == (
        "second.mp4",
        "parentOf",
        "trusted",
        "111111111111",
    )
    assert (placed.title, placed.relationship, placed.state) == ("face.png", "componentOf", "absent")

    # A changed input stays known as changed, whatever is made of it; the output itself is intact.
    forged = flipped(first, [first.read_bytes().rindex(b"mdat") + 40], 0, "forged")
    sign_file(make(tmp_path / "last.mp4", 9), tmp_path / "out.mp4", dataclasses.replace(CLAIM, ingredients=(forged,)))
    state = read_credentials(tmp_path / "out.mp4")
    assert state.state == "trusted"
    assert state.ingredients[0].state == "broken" and "changed after" in state.ingredients[0].problems[0]


def test_ingredients_of_every_sort(tmp_path: Path) -> None:
    """What has no room for credentials, is damaged or is gone is still named."""
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(make(tmp_path / "in.mp4").read_bytes()[:500])
    folder = tmp_path / "frames"
    folder.mkdir()
    inputs = (make(tmp_path / "clip.mkv"), damaged, folder, tmp_path / "gone.mp4", tmp_path / "in.mp4")
    sign_file(tmp_path / "in.mp4", tmp_path / "out.mp4", dataclasses.replace(CLAIM, ingredients=inputs))
    state = read_credentials(tmp_path / "out.mp4")
    assert state.state == "trusted"
    assert [ingredient.title for ingredient in state.ingredients] == [path.name for path in inputs]
    assert {ingredient.state for ingredient in state.ingredients} == {"absent"}


def test_trust_is_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = tmp_path / "out.jpg"
    sign_file(make(tmp_path / "in.jpg"), signed, CLAIM)
    anchors = tmp_path / "anchors.pem"
    anchors.write_text(trust_anchors())
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "elsewhere"))
    state = read_credentials(signed)
    assert state.state == "valid" and "trust list" in state.problems[0] and state.is_effigie_output
    assert not (tmp_path / "elsewhere").exists()  # reading makes no certificate
    monkeypatch.setenv("EFFIGIE_TRUST_ANCHORS", str(anchors))
    assert read_credentials(signed).state == "trusted"
    assert read_credentials(flipped(signed, [signed.stat().st_size - 30], 0, "flip")).state == "broken"


@pytest.mark.slow
def test_a_changed_chain_is_broken_even_if_nobody_is_trusted(
    signed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "elsewhere"))
    assert read_credentials(signed).state == "valid"
    start, stop = _region(signed)
    for position in range(start, stop, 101):
        assert read_credentials(flipped(signed, [position], 1, "flip")).state == "broken", position


def test_a_trust_list_that_cannot_be_read_hides_nothing(
    signed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EFFIGIE_TRUST_ANCHORS", str(tmp_path / "gone.pem"))
    state = read_credentials(signed)
    assert state.state == "valid" and "gone.pem" in " ".join(state.problems)


def test_a_file_that_never_ends_is_given_up(signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "TIMEOUT_S", -1.0)
    state = read_credentials(signed)
    assert state.state == "broken" and "too long" in state.problems[0]


def _timed(path: Path) -> str:
    begun = time.monotonic()
    state = read_credentials(path)
    assert time.monotonic() - begun < SECONDS
    return state.state


def test_no_file_raises_or_hangs(signed: Path, tmp_path: Path) -> None:
    chance = random.Random(2)
    whole = signed.read_bytes()
    for number in range(150):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 3, 10))):
            place = chance.randrange(chance.choice((200, 6000, len(data))))
            end = place + chance.randrange(1, 300)
            change = chance.randrange(5)
            if change == 0:
                del data[place:end]
            elif change == 1:
                data[place:place] = chance.randbytes(end - place)
            elif change == 2:
                data[place : place + 4] = chance.choice((bytes(4), b"\xff" * 4, b"\0\0\0\1", b"\x7f\xff\xff\xff"))
            elif change == 3:
                data[place:end] = data[place - 100 : end]
            else:
                data = data[: max(place, 8)]
        path = tmp_path / f"hostile{signed.suffix}"
        path.write_bytes(data)
        assert _timed(path) in ("broken", "absent") or bytes(data) == whole, number


def test_boxes_that_lie_about_their_size(tmp_path: Path) -> None:
    start = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0)
    for name, rest in {
        "endless": struct.pack(">I4s", 0, b"moov") * 1000,
        "huge": struct.pack(">I4sQ", 1, b"mdat", 1 << 62),
        "tiny": struct.pack(">I4s", 1, b"moov") * 1000,
        "deep": b"".join(struct.pack(">I4s", 8 * (20000 - depth), b"moov") for depth in range(20000)),
    }.items():
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(start + rest)
        assert _timed(path) == "absent", name


def test_what_is_no_media_at_all(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("urn:c2pa: c2pa.claim c2pa.signature")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "noise").write_bytes(random.Random(3).randbytes(5000))
    for name in ("text.txt", "empty.mp4", "noise", ".", "gone.mp4"):
        assert _timed(tmp_path / name) == "absent", name
    assert _timed(Path("/dev/null")) == "absent"
    assert read_credentials(tmp_path / "text.txt").problems == ()
    (tmp_path / "clip.c2pa").write_bytes(b"jumb")
    assert "another file" in read_credentials(tmp_path / "clip.c2pa").problems[0]
