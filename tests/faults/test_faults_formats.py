"""Property tests of the file formats: round trip, and any other value is refused with an error of effigie's."""

from __future__ import annotations

import contextlib
import json
import math
from fractions import Fraction

import numpy as np
import pytest
import tomlkit
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effigie.errors import EffigieError, ModelError
from effigie.faceset.index import read_index
from effigie.heads.checkpoint import load_config as load_heads_config
from effigie.heads.motion.motion import Motion
from effigie.heads.motion.template import load_motion, save_motion
from effigie.io.atomic_write import parse_json, read_json, write_json
from effigie.occlusion.checkpoint import load_occlusion
from effigie.swap.checkpoint import load_config as load_swap_config
from effigie.swap.editing.project import load_project
from effigie.training.checkpoint import CheckpointStore, DamagedError, read_checkpoint
from effigie.training.monitor.curve import Curve, read_curve
from effigie.training.state import Snapshot

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
FIELDS = {
    *("version", "kind", "prior", "preset", "people", "widths", "format", "settings", "sources", "consents"),
    *("clip", "model", "output", "shots", "compose", "encode", "trust", "paint", "who", "device"),
}
DOCUMENTS = VALUES | st.dictionaries(st.sampled_from(sorted(FIELDS)) | TEXT, VALUES, max_size=10)
CHECKED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]  # each example anew, however slow the machine
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=CHECKED)


def refused_in_one_line(read, path):
    try:
        read(path)
    except EffigieError as error:
        assert "\n" not in str(error)


@QUICK
@given(VALUES)
def test_json_comes_back(tmp_path, value):
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value


@QUICK
@given(st.text(max_size=60) | st.sampled_from(["[" * 90_000, '{"a":' * 90_000, "1e999", "-1e999"]))
def test_any_text_is_json_or_a_value_error(text):
    with contextlib.suppress(ValueError):
        parse_json(text)


@pytest.mark.parametrize("read", [load_swap_config, load_heads_config, load_occlusion])
@QUICK
@given(value=DOCUMENTS)
def test_any_config_is_read_or_refused(tmp_path, read, value):
    (tmp_path / "config.json").write_text(json.dumps(value), encoding="utf-8")
    refused_in_one_line(read, tmp_path)


@QUICK
@given(value=DOCUMENTS)
def test_any_index_of_a_face_set_is_read_or_refused(tmp_path, value):
    (tmp_path / "faceset.json").write_text(json.dumps(value), encoding="utf-8")
    refused_in_one_line(read_index, tmp_path)


@QUICK
@given(value=st.dictionaries(st.sampled_from(sorted(FIELDS)), VALUES, max_size=8) | st.binary(max_size=80))
def test_any_project_is_read_or_refused(tmp_path, value):
    path = tmp_path / "plan.toml"
    try:
        path.write_bytes(value if isinstance(value, bytes) else tomlkit.dumps(value).encode())
    except (TypeError, ValueError, OverflowError):  # no TOML says that
        return
    refused_in_one_line(load_project, path)


NAMES = st.text(st.sampled_from("abcxyz/_.0123"), min_size=1, max_size=12)
KINDS = (torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8)


@st.composite
def tensors(draw):
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    kind = draw(st.sampled_from(KINDS))
    values = torch.from_numpy(np.random.default_rng(draw(st.integers(0, 99))).integers(0, 9, shape))
    return values.to(kind)


@QUICK
@given(
    held=st.dictionaries(NAMES, tensors(), max_size=4),
    scalars=st.dictionaries(NAMES, st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    step=st.integers(0, 10**6),
)
def test_a_checkpoint_comes_back(tmp_path, held, scalars, step):
    path = CheckpointStore(tmp_path / "training", keep=1).save(Snapshot(step, held, scalars), {"seconds": 1.5})
    snapshot, record = read_checkpoint(path)
    assert (snapshot.step, snapshot.scalars, record["seconds"]) == (step, scalars, 1.5)
    assert snapshot.tensors.keys() == held.keys()
    for name, tensor in held.items():
        assert snapshot.tensors[name].dtype == tensor.dtype
        assert torch.equal(snapshot.tensors[name], tensor)
    path.unlink()


@QUICK
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_bit_turned_over_in_a_checkpoint_is_noticed(tmp_path, at, bit):
    """Where it is not in the spelling of the header alone, such as a blank at its end."""
    held = {"network/a/weight": torch.arange(20.0)}
    path = CheckpointStore(tmp_path / "training").save(Snapshot(7, held, {"x": 1.0}), {"seconds": 1.5})
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= 1 << bit
    path.write_bytes(data)
    try:
        snapshot, _ = read_checkpoint(path)
    except ModelError as error:
        assert isinstance(error, DamagedError) or "newer" in str(error)
    else:
        assert torch.equal(snapshot.tensors["network/a/weight"], held["network/a/weight"])


@QUICK
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["loss", "held_out_error", "term"]), st.floats(0, 9)), max_size=6),
    noise=st.binary(max_size=30),
)
def test_a_curve_comes_back_and_damage_costs_its_rows_alone(tmp_path, rows, noise):
    path = tmp_path / "curve.csv"
    path.unlink(missing_ok=True)
    curve = Curve(path, 0)
    for step, values in enumerate(rows, 1):
        curve.add(step, float(step), values)
    found = read_curve(path)
    assert [point.step for point in found] == list(range(1, len(rows) + 1))
    for point, values in zip(found, rows, strict=True):
        assert all(math.isclose(point.values[name], value, rel_tol=1e-5) for name, value in values.items())
    path.write_bytes(path.read_bytes() + noise.replace(b'"', b"") + b"\n")
    assert [point.step for point in read_curve(path)][: len(rows)] == list(range(1, len(rows) + 1))


@settings(QUICK, max_examples=15)
@given(
    steps=st.lists(st.fractions(Fraction(1, 1000), 5, max_denominator=1000), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
    rate=st.none() | st.fractions(1, 120, max_denominator=1001),
)
def test_a_motion_comes_back(tmp_path, steps, seed, rate):
    random, count = np.random.default_rng(seed), len(steps)
    turns = np.linalg.qr(random.normal(size=(count, 3, 3)))[0]
    turns[np.linalg.det(turns) < 0] *= -1
    motion = Motion(
        times=tuple(sum(steps[: index + 1], Fraction(0)) for index in range(count)),
        durations=tuple(step if random.random() < 0.5 else None for step in steps),
        present=random.random(count) < 0.7,
        rotation=turns,
        scale=random.uniform(0.1, 9, count),
        translation=random.normal(size=(count, 3)),
        unposed=random.normal(0, 5, (count, 478, 3)).astype(np.float32),
        blendshapes=random.random((count, 52)).astype(np.float32),
        neutral_frame=0,
        rate=rate,
        size=(640, 360),
        time_base=Fraction(1, 25),
        clock_origin=Fraction(-1, 3),
        sha256="",
    )
    save_motion(motion, tmp_path / "talk.motion")
    found = load_motion(tmp_path / "talk.motion")
    for name in ("times", "durations", "rate", "size", "time_base", "clock_origin", "neutral_frame"):
        assert getattr(found, name) == getattr(motion, name), name
    for name in ("present", "rotation", "scale", "translation"):
        assert np.array_equal(getattr(found, name), getattr(motion, name)), name
    assert np.abs(found.unposed - motion.unposed).max() <= 0.0006
    assert np.abs(found.blendshapes - motion.blendshapes).max() <= 2e-5
