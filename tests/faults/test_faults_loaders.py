"""Tests of all loaders: damage gives one line, nothing is unpickled, no name leads out of a folder."""

from __future__ import annotations

import ast
import importlib.util
import json
import pickle
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.bench import read_records
from benchmarks.mutations import MUTATIONS, mutate
from small_swap import small_model, thinned

import effigie
from effigie.consent import default_store, new_consent
from effigie.consent.document import Consent, Revocation
from effigie.consent.gate import permit, save_consents
from effigie.consent.keys import SigningKey
from effigie.consent.record import revoke
from effigie.errors import EffigieError
from effigie.faces import recognizer
from effigie.faceset import FaceSet
from effigie.heads.checkpoint import NETWORKS, Networks, load_heads, save_config, save_networks
from effigie.heads.finetune.task import compute_embedding
from effigie.heads.inference.portrait import read_portraits, to_subject_faces
from effigie.heads.motion.motion import Motion
from effigie.heads.motion.template import load_motion, save_motion
from effigie.heads.person_checkpoint import crop_shot, load_person, save_person
from effigie.heads.presets import preset
from effigie.media.pictures.writer import write_still
from effigie.occlusion.checkpoint import load_occlusion
from effigie.provenance.ledger.ledger import Ledger, LedgerEntry
from effigie.swap import load_swap
from effigie.swap.editing.project import load_project
from effigie.training.checkpoint import BestCheckpointStore, CheckpointStore, read_best
from effigie.training.model_folder import get_shipped_folder
from effigie.training.monitor.curve import read_curve
from effigie.training.state import Snapshot

PROJECT = """
clip = "scene.mp4"
output = "out.mp4"
[[people]]
model = "anna-in-ben"
[compose]
colour = "local"
[[shots]]
first = 3
last = 9
skip = true
"""


def whole_face_set(path):
    faces = FaceSet.open(path)
    loaded = faces.load()
    for row in range(len(loaded)):
        loaded.crop(row)
    faces.people()


@pytest.fixture(scope="module")
def faces(few_faces, tmp_path_factory):
    """Four faces of the woman."""
    return thinned(few_faces[0], tmp_path_factory.mktemp("faces") / "woman.faces", 6)


@pytest.fixture(scope="module")
def swap(model, tmp_path_factory):
    """The small version of the model."""
    folder = small_model(model, tmp_path_factory.mktemp("swap") / "model")
    load_swap(folder)
    return folder


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """A model of talking heads of the smallest size, not trained; the moments are those of the one that ships."""
    folder = tmp_path_factory.mktemp("heads") / "heads"
    shutil.copytree(
        get_shipped_folder("heads"), folder, ignore=shutil.ignore_patterns(*(f"{name}.*" for name in NETWORKS))
    )
    smallest = preset("pico")
    save_config(folder, smallest, True, 1)
    save_networks(folder, Networks.build(smallest, True).by_name())
    load_heads(folder)
    return folder


@pytest.fixture(scope="module")
def person(woman, woman_consent, heads, tmp_path_factory):
    """A person's model in the format that tuning writes, untuned."""
    folder = tmp_path_factory.mktemp("person") / "person"
    heads = load_heads(heads)
    portraits = read_portraits([woman], None, max_portraits=2)
    generator = heads.networks.generator
    embedding = compute_embedding(heads, [crop_shot(portrait, heads.preset.size) for portrait in portraits])
    psi = generator.project_embedding(embedding[None])
    save_person(folder, heads.preset, heads.prior, generator, embedding, psi, portraits)
    allowed = permit("animate", to_subject_faces(portraits))
    save_consents(folder, allowed)
    (folder / "manifest.json").write_text(json.dumps({"consents": list(allowed.ids)}))
    load_person(folder)
    return folder


@pytest.fixture(scope="module")
def small_things(portrait, tmp_path_factory):
    """All documents of a single file."""
    folder = tmp_path_factory.mktemp("things")
    count = 4
    motion = Motion(
        times=tuple(Fraction(index, 25) for index in range(count)),
        durations=(None,) * count,
        present=np.ones(count, bool),
        rotation=np.stack([np.eye(3)] * count),
        scale=np.ones(count),
        translation=np.zeros((count, 3)),
        unposed=np.random.default_rng(0).normal(0, 3, (count, 478, 3)).astype(np.float32),
        blendshapes=np.zeros((count, 52), np.float32),
        neutral_frame=0,
        rate=Fraction(25),
        size=(640, 360),
        time_base=Fraction(1, 25),
        clock_origin=Fraction(0),
        sha256="",
    )
    save_motion(motion, folder / "talk.motion")
    (folder / "plan.toml").write_text(PROJECT)
    key = SigningKey.create(folder / "key.pem")
    write_still(folder / "portrait.png", portrait)
    record = new_consent("somebody", [folder / "portrait.png"], key=key)
    record.save(folder / "record.json")
    revoke(record, key).save(folder / "gone.json")
    Ledger(folder / "ledger.sqlite").add(LedgerEntry("0" * 12, record.signatures[0].signed_at, "convert", "out.mp4"))
    save_checkpoints(folder / "training")
    (folder / "curve.csv").write_text("step,seconds,held_out_error,loss\n0,0.5,0.2,\n9,1.5,,0.7\n12,2.5,0.1,0.6\n")
    (folder / "results.json").write_text(json.dumps({"version": 1, "rows": {}}))
    return folder


def save_checkpoints(folder):
    tensors = {"network/a/weight": torch.arange(12.0), "average/a/weight": torch.zeros(12)}
    CheckpointStore(folder).save(Snapshot(3, tensors, {"optimiser/a/weight/step": 3.0}), {"seconds": 1.5})
    BestCheckpointStore(folder).save_if_best(3, 1.5, 0.1, lambda: tensors)


SETS = {
    # What: where it lies, its files, how it is read.
    "face set": ("faces", ("faceset.json", "part-*.parquet"), whole_face_set),
    "swap model": (
        "model",
        ("config.json", "swap.safetensors", "people.safetensors", "manifest.json", "consents/c-*.json"),
        load_swap,
    ),
    "checkpoint": ("things", ("training/step-*.safetensors",), lambda p: CheckpointStore(p / "training").newest()),
    "best weights": ("things", ("training/best.safetensors",), lambda p: read_best(p / "training")),
    "curve": ("things", ("curve.csv",), lambda p: read_curve(p / "curve.csv")),
    "heads model": ("heads", ("config.json", "generator.safetensors", "motions.safetensors"), load_heads),
    "person": ("person", ("config.json", "person.safetensors", "portrait.png", "manifest.json"), load_person),
    "occlusion model": ("occlusion", ("config.json", "occlusion.safetensors"), load_occlusion),
    "motion": ("things", ("talk.motion",), lambda p: load_motion(p / "talk.motion")),
    "project": ("things", ("plan.toml",), lambda p: load_project(p / "plan.toml")),
    "record": ("things", ("record.json",), lambda p: Consent.load(p / "record.json")),
    "revocation": ("things", ("gone.json",), lambda p: Revocation.load(p / "gone.json")),
    "key": ("things", ("key.pem",), lambda p: SigningKey.load(p / "key.pem")),
    "ledger": ("things", ("ledger.sqlite",), lambda p: list(Ledger(p / "ledger.sqlite").entries())),
    "bench": ("things", ("results.json",), lambda p: read_records(p / "results.json")),
}


@pytest.fixture
def places(faces, swap, heads, person, small_things):
    return {
        "faces": faces,
        "model": swap,
        "heads": heads,
        "person": person,
        "occlusion": get_shipped_folder("occlusion"),
        "things": small_things,
    }


@pytest.fixture
def looks_once(monkeypatch):
    """Shares one identity network among the readings of a model, instead of loading it each time."""
    network = recognizer.IdentityModel()
    monkeypatch.setattr(recognizer, "IdentityModel", lambda: network)


def contents(path, data):
    """Replacements of a file's bytes: broken in every way, or JSON of another shape."""
    for number, kind in enumerate(sorted(MUTATIONS)):
        yield kind, mutate(data, kind, number)
    if path.suffix != ".json":
        return
    for text in ("[]", "null", "3", '"text"', "{}", '{"version": []}', "[" * 100_000, '{"version": 1e400}'):
        yield f"JSON {text[:20]}", text.encode()
    yield from _emptied(data)


def _emptied(data):
    """A JSON document with each of its fields replaced by values of two other kinds, in turn."""
    try:
        document = json.loads(data)
    except ValueError:
        return
    kinds = (None, [], -1, {"a": None}, "x")
    for number, name in enumerate(document if isinstance(document, dict) else ()):
        for other in (kinds[number % 5], kinds[(number + 2) % 5]):
            yield f"{name} is {other}", json.dumps(document | {name: other}).encode()


@pytest.mark.parametrize("what", SETS)
@pytest.mark.usefixtures("looks_once")
def test_damage_is_told_in_one_line(places, tmp_path, what):
    place, files, read = SETS[what]
    folder = shutil.copytree(places[place], tmp_path / "it")
    read(folder)
    for pattern in files:
        (path,) = list(folder.glob(pattern))[:1]
        data = path.read_bytes()
        for how, other in contents(path, data):
            path.write_bytes(other)
            try:
                read(folder)
            except EffigieError as error:
                assert "\n" not in str(error), (path.name, how)
                assert len(str(error)) < 2000, (path.name, how)
            except Exception as error:
                raise AssertionError(f"{path.name}, {how}: {type(error).__name__}: {error}") from error
        path.write_bytes(data)
    read(folder)


class Trap:
    """An object that leaves a trace if it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


@pytest.mark.parametrize("what", SETS)
def test_nothing_is_unpickled(places, tmp_path, what):
    place, files, read = SETS[what]
    folder, trace = shutil.copytree(places[place], tmp_path / "it"), tmp_path / "ran"
    for pattern in files:
        (path,) = list(folder.glob(pattern))[:1]
        data = path.read_bytes()
        torch.save({"weights": Trap(trace)}, tmp_path / "torch")
        np.save(tmp_path / "array.npy", np.array([Trap(trace)], object), allow_pickle=True)
        for trap in (
            pickle.dumps(Trap(trace)),
            (tmp_path / "torch").read_bytes(),
            (tmp_path / "array.npy").read_bytes(),
        ):
            path.write_bytes(trap)
            try:
                read(folder)
            except EffigieError as error:
                assert "\n" not in str(error)
        path.write_bytes(data)
    assert not trace.exists()


@pytest.mark.slow
def test_nobody_in_the_source_can_unpickle():
    """No pickle, no torch.load without weights_only, no numpy.load that allows objects, no eval of text."""
    package = Path(effigie.__file__).parent
    found = []
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                found += [
                    (path.name, name) for name in names if name in ("pickle", "dill", "joblib", "shelve", "marshal")
                ]
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                if called == "torch.load" and given.get("weights_only") != "True":
                    found.append((path.name, called))
                if given.get("allow_pickle") == "True" or called in ("eval", "exec", "os.system"):
                    found.append((path.name, called))
                if given.get("shell") == "True":
                    found.append((path.name, "shell"))
    assert found == []
    assert importlib.util.find_spec("effigie") is not None


HOSTILE = ("../../secret", "/etc/passwd", "..\\..\\secret", "C:\\secret", "\0", "a/../../b", "x" * 300)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_in_a_face_set_leads_out_of_it(faces, tmp_path, name):
    folder = tmp_path / "sets" / "faces"
    shutil.copytree(faces, folder)
    (tmp_path / "secret").write_bytes(b"secret")
    index = json.loads((folder / "faceset.json").read_text())
    ((clip, source),) = index["sources"].items()
    for changed in ({"part": name}, {"name": name}, {"part": f"part-{name}.parquet", "name": name}):
        (folder / "faceset.json").write_text(json.dumps(index | {"sources": {clip: source | changed}}))
        before = sorted(path for path in tmp_path.rglob("*"))
        with pytest.raises(EffigieError) as caught:
            whole_face_set(folder)
        assert "\n" not in str(caught.value)
        assert sorted(path for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", HOSTILE)
def test_no_id_of_a_record_leads_out_of_the_store(swap, tmp_path, name):
    """Ids come from manifests that anybody may have written."""
    folder = shutil.copytree(swap, tmp_path / "model")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"consents": [name]}))
    with pytest.raises(EffigieError) as caught:
        load_swap(folder)
    assert "\n" not in str(caught.value)
    with pytest.raises(EffigieError):
        default_store().find(name)
