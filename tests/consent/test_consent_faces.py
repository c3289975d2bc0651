"""Tests of consent records of real faces: how they are made, whom they match, and models that are based on them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
from skimage import data

import effigie
from effigie.assets import fetch_asset
from effigie.consent.face_matching import MATCH_THRESHOLD, SubjectFaces, reference_similarity
from effigie.consent.gate import permit, permit_model, save_consents
from effigie.consent.keys import SigningKey
from effigie.consent.record import grant, new_consent, request_consent, revoke
from effigie.consent.references import embed_file
from effigie.consent.store import ConsentStore
from effigie.errors import MediaError, RefusedError, UsageError
from effigie.faceset import FaceSet
from effigie.io.atomic_write import sha256
from effigie.media import EncodeSettings, VideoReader, VideoWriter, read_still


def moment(path, target):
    """The first frames of a clip: every one of up to a second's is looked at."""
    with (
        VideoReader(path, stop=8) as reader,
        VideoWriter(target, reader.info, EncodeSettings(crf=8, keep_audio=False)) as writer,
    ):
        for frame in reader:
            writer.write(frame.image, frame.time, frame.duration)
    return target


@pytest.fixture(scope="module")
def clip(tmp_path_factory, cut):
    """A short clip of the woman."""
    return cut(fetch_asset("sample_woman"), tmp_path_factory.mktemp("clip") / "woman.mp4", 200, 208)


@pytest.fixture(scope="module")
def portrait(tmp_path_factory):
    path = tmp_path_factory.mktemp("portrait") / "astronaut.png"
    cv2.imwrite(str(path), data.astronaut()[..., ::-1])
    return path


@pytest.fixture(scope="module")
def man(key):
    return new_consent("the man", [fetch_asset("sample_man")], ("swap", "animate"), key=key)


@pytest.fixture(scope="module")
def faces(tmp_path_factory, cut):
    """A face set of the man in another clip."""
    folder = tmp_path_factory.mktemp("faces")
    enters = cut(fetch_asset("sample_man_enters"), folder / "enters.mp4", 114, 126)
    effigie.extract([enters], folder / "man.faces", effigie.ExtractSettings(workers=1))
    return folder / "man.faces"


@pytest.fixture
def model(tmp_path, faces):
    """The files of a model that the gate reads."""
    shutil.copytree(faces, tmp_path / "model" / "bank")
    return tmp_path / "model"


@pytest.fixture
def store(tmp_path):
    return ConsentStore([tmp_path / "consents"])


@pytest.mark.slow
def test_a_record_of_a_clip_knows_the_person_and_nobody_else(man, portrait, clip, store):
    assert 1 <= len(man.embeddings) <= 8
    assert np.allclose(np.linalg.norm(man.embeddings, axis=1), 1, atol=1e-3)
    assert len(man.to_bytes()) < 10_000
    assert reference_similarity(man, embed_file(fetch_asset("sample_man"))).min() > 0.6
    for stranger in (portrait, clip):
        looks = embed_file(stranger)
        assert reference_similarity(man, looks).max() < MATCH_THRESHOLD
        with pytest.raises(RefusedError, match=stranger.name):
            permit("swap", SubjectFaces(looks, np.full(len(looks), stranger.name)), man, store=store)


def test_a_record_of_a_photo_fits_the_same_face_in_other_light(portrait, key, tmp_path):
    record = new_consent("E. C.", [portrait], key=key)
    assert record.embeddings.shape == (1, 128)
    assert record.uses == ("swap",)
    assert (record.until - record.begins).days == 365
    assert [(piece.kind, piece.sha256) for piece in record.evidence] == [("reference", sha256(portrait))]
    darker = (255 * (read_still(portrait) / 255.0) ** 1.8).astype(np.uint8)
    shift = cv2.warpAffine(darker, np.float32([[0.8, 0.1, 20], [-0.1, 0.8, 60]]), (512, 512))
    cv2.imwrite(str(tmp_path / "other.jpg"), shift[..., ::-1])
    assert reference_similarity(record, embed_file(tmp_path / "other.jpg")).min() > 0.7


@pytest.mark.slow
def test_photos_that_show_not_one_person_are_refused(portrait, clip, key, tmp_path):
    nobody, group = (moment(fetch_asset(f"sample_{name}"), tmp_path / f"{name}.mp4") for name in ("no_face", "group"))
    small = cv2.resize(data.astronaut(), (64, 64), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "small.png"), small[..., ::-1])
    (tmp_path / "text.jpg").write_text("no picture")
    for photos, error, words in (
        ([], UsageError, "needs a photo"),
        ([nobody], UsageError, "no face in"),
        ([group], UsageError, "several people"),
        ([portrait, clip], UsageError, "different people"),
        ([tmp_path / "small.png"], UsageError, "small"),
        ([tmp_path / "text.jpg"], MediaError, "text.jpg"),
        ([tmp_path / "none.jpg"], MediaError, "none.jpg"),
    ):
        with pytest.raises(error, match=words):
            new_consent("X", photos, key=key)


def test_wrong_terms_are_said_before_pictures_are_looked_at(tmp_path, key):
    missing = [tmp_path / "none.jpg"]
    with pytest.raises(UsageError, match="clone"):
        new_consent("X", missing, ("clone",), key=key)
    with pytest.raises(UsageError, match="name"):
        new_consent(" ", missing, key=key)
    with pytest.raises(UsageError, match="is no file"):
        new_consent("X", missing, evidence=[tmp_path / "release.pdf"], key=key)


def test_a_request_is_granted_on_another_machine(portrait, key, tmp_path):
    request = request_consent("E. C.", [portrait], ("animate",), None, purpose="A film", key=key)
    theirs = SigningKey.create(tmp_path / "theirs.pem")
    record = grant(request, theirs)
    assert (record.strength, record.until, record.purpose) == ("granted", None, "A film")
    assert record.id == request.id
    assert record.signatures[1].public_key == theirs.public_key


def test_a_model_is_as_good_as_its_records(model, man, key, store, clip, tmp_path):
    with pytest.raises(RefusedError, match="holds no consent record"):
        permit_model(model, "swap", store=store)
    found = FaceSet.open(model / "bank").load(["embedding"])
    given = permit("swap", SubjectFaces(found.embedding, found.clip), man, store=store)
    save_consents(model, given)
    (model / "manifest.json").write_text(json.dumps({"consents": list(given.ids)}))
    assert permit_model(model, "swap", store=store).ids == given.ids
    with pytest.raises(RefusedError, match="not for voice"):
        permit_model(model, "voice", store=store)
    woman = new_consent("the woman", [clip], key=key)
    with pytest.raises(RefusedError, match=r"0\.0 % of the faces"):
        permit_model(model, "swap", consent=woman, store=store)
    again = moment(fetch_asset("sample_man"), tmp_path / "moment.mp4")
    renewed = new_consent("the man", [again], until=None, key=key)
    assert permit_model(model, "swap", consent=renewed, store=store).ids == (renewed.id,)
    store.add(revoke(man, key, "changed my mind"))
    with pytest.raises(RefusedError, match="changed my mind"):
        permit_model(model, "swap", store=store)


def test_a_model_s_records_cannot_be_taken_out_or_put_in(model, man, key, store, clip):
    path = model / "consents" / f"{man.id}.json"
    man.save(path)
    (model / "manifest.json").write_text(json.dumps({"consents": [man.id, "c-" + "0" * 16]}))
    with pytest.raises(RefusedError, match="lacks the consent record c-0"):
        permit_model(model, "swap", store=store)
    for nonsense in ("{", "[]", '{"consents": 3}', "{}"):
        (model / "manifest.json").write_text(nonsense)
        with pytest.raises(RefusedError, match="does not say"):
            permit_model(model, "swap", store=store)
    (model / "manifest.json").unlink()
    assert permit_model(model, "swap", store=store).ids == (man.id,)  # training has not finished
    path.write_bytes(path.read_bytes().replace(b'"swap"', b'"voice"', 1))
    with pytest.raises(RefusedError, match="edited"):
        permit_model(model, "swap", store=store)
    path.write_bytes(man.to_bytes())
    revoke(man, key, "within").save(model / "consents" / f"{man.id}.revoked.json")
    with pytest.raises(RefusedError, match="within"):
        permit_model(model, "swap", store=store)


def test_the_gate_does_without_torch():
    program = (
        "import sys\n"
        "import effigie.consent.gate, effigie.consent.record, effigie.consent.store, effigie.cli.consent\n"
        "heavy = ('torch', 'cv2', 'onnxruntime', 'cryptography', 'pyarrow', 'av', 'scipy')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
