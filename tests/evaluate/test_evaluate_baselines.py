"""Tests of the baselines that effigie is compared with."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from benchmarks import textbook
from benchmarks.extract_floor import floor_rate
from benchmarks.plain_extract import plain_extract
from benchmarks.rows.training_quality import held_out, held_out_error
from benchmarks.textbook import TextbookNet, TextbookTask, train_textbook

from effigie.errors import EffigieError
from effigie.media import read_still
from effigie.swap.config import SwapSettings
from effigie.swap.trainer import TrainingSetup, load_people, prepare_training


@pytest.fixture(scope="module")
def network() -> TextbookNet:
    torch.manual_seed(0)
    return TextbookNet(128)


@pytest.fixture(scope="module")
def prepared(man_faces: Path, woman_faces: Path) -> TrainingSetup:
    settings = SwapSettings(prior="none", batch=2, bank=8)
    return prepare_training(load_people(woman_faces, man_faces, settings), settings)


def test_the_plain_loop_finds_the_man(man: Path, tmp_path: Path) -> None:
    report = plain_extract([man], tmp_path, size=128, max_frames=4)
    assert (report.frames, report.faces) == (4, 4)
    assert report.rate == 4 / report.seconds > 0
    crops = [read_still(path) for path in sorted(tmp_path.glob("*.jpg"))]
    assert [crop.shape for crop in crops] == [(128, 128, 3)] * 4
    assert crops[0].std() > 30


@pytest.mark.slow
def test_the_floor_is_measured_by_all_processes_at_once(man: Path, tmp_path: Path) -> None:
    assert 0 < floor_rate([man], 2) < math.inf
    with pytest.raises(EffigieError, match=r"gone\.mp4"):
        floor_rate([tmp_path / "gone.mp4"], 2)


def test_the_textbook_network_has_the_textbooks_layers(network: TextbookNet) -> None:
    shapes = [tuple(p.shape) for p in network.encoder.parameters() if p.ndim > 1]
    assert shapes == [
        (128, 3, 5, 5),
        (256, 128, 5, 5),
        (512, 256, 5, 5),
        (1024, 512, 5, 5),
        (1024, 8 * 8 * 1024),
        (8 * 8 * 1024, 1024),
        (4 * 512, 1024, 3, 3),
    ]
    decoder = [tuple(p.shape) for p in network.source.parameters() if p.ndim > 1]
    assert decoder == [(1024, 512, 3, 3), (512, 256, 3, 3), (256, 128, 3, 3), (3, 64, 5, 5)]
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_the_textbook_network_decodes_either_person(network: TextbookNet) -> None:
    with torch.inference_mode():
        made = {person: network(torch.rand(1, 3, 128, 128), None, person) for person in ("source", "target")}
    assert made["source"].picture.shape == (1, 3, 128, 128)
    assert made["source"].picture.min() >= 0 and made["source"].picture.max() <= 1
    assert not torch.equal(made["source"].picture, made["target"].picture)


def test_it_learns_from_the_very_batches_of_a_swap(prepared: TrainingSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textbook, "BOTTLENECK", 32)  # the two layers around it hold most of the weights
    torch.manual_seed(0)
    network = TextbookNet(128)
    task = TextbookTask(prepared.task(network), network)
    batch = task.batch(0)
    assert batch["source"]["input"].shape == (1, 128, 128, 3)
    weight = network.source[0][0].weight.detach().clone()
    steps = train_textbook(task, network, lambda step: step < 1)
    assert steps == 1
    moved = (network.source[0][0].weight - weight).abs().max()
    assert 0 < moved < 1e-3  # Adam at 5e-5 goes about so far a step


def test_held_out_error_is_zero_for_who_returns_the_picture(prepared: TrainingSetup) -> None:
    class Copy(torch.nn.Module):
        def __init__(self, gain: float) -> None:
            super().__init__()
            self.gain = torch.nn.Parameter(torch.tensor(gain))

        def forward(self, picture: torch.Tensor, prior: None, person: str) -> object:
            from effigie.swap.network import DecoderOutput

            return DecoderOutput(picture * self.gain, picture[:, :1])

    assert held_out_error(Copy(1.0), prepared, 128) == pytest.approx(0, abs=1e-6)
    assert held_out_error(Copy(0.2), prepared, 128) > 0.2
    pictures = held_out(prepared.footages["target"], 128)
    assert len(pictures) == len(prepared.footages["target"].held_out)
    picture, mask = pictures[0]
    assert picture.shape == (128, 128, 3) and 0.2 < mask.mean() < 0.8
