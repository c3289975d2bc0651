"""What teaches a swap beyond restoring: swapped pictures, likeness, the adversary, and how much each counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from effigie.errors import UsageError
from effigie.prior.frame_bank import features
from effigie.swap.dataset import Studio
from effigie.swap.cross_identity_dataset import Exchange
from effigie.swap.identity_loss import Likeness
from effigie.swap.network import SwapNet
from effigie.swap.person_frames import load_footage
from effigie.swap.config import SwapSettings
from effigie.swap.loss_weights import Shares
from effigie.swap.task import SwapTask
from effigie.swap.auxiliary_losses import Teachers
from effigie.swap.trainer import make_bank
from effigie.nn.recognizer import EMBEDDING
from effigie.training.data.sample_key import slots

SIZE = 64


@pytest.fixture(scope="module")
def studios(few_faces):
    footages = {
        role: load_footage(str(path), role, None, 0.1)
        for role, path in zip(("source", "target"), few_faces, strict=True)
    }
    made = {}
    for role, footage in footages.items():
        other = footages["target" if role == "source" else "source"]
        bank, rows = make_bank(footage, 8)
        found = features(footage.geometries, footage.faces["blendshapes"], footage.person)
        toward = other.person.shape - footage.person.shape
        made[role] = Studio(footage, bank, rows, found, toward, SIZE, True)
    return made


@pytest.fixture(scope="module")
def likeness(studios):
    return Likeness(studios["source"])


def network():
    torch.manual_seed(0)
    return SwapNet(width=8, depth=1, stem=4, prior=True)


def task(studios, shares, likeness=None, content=None):
    return SwapTask(network(), studios, 4, teachers=Teachers(shares, likeness, content))


def as_tensors(batch):
    return {
        name: {part: torch.from_numpy(value) for part, value in arrays.items()}
        for name, arrays in batch.items()
    }


def test_a_swapped_moment_is_the_targets_with_the_sources_prior(studios):
    exchange = Exchange.between(studios["source"], studios["target"])
    row = int(studios["target"].footage.training[0])
    moment = exchange.make(row, None)
    placement = studios["target"].placement()
    assert np.array_equal(moment.picture, studios["target"].whole(row, placement))
    inside = (moment.share > 250) & (moment.validity > 250)
    assert inside.mean() > 0.15
    assert np.abs(moment.prior[inside].astype(float) - moment.picture[inside]).mean() > 10
    random = np.random.default_rng(0)
    assert not np.array_equal(exchange.make(row, random).picture, moment.picture)


def test_the_source_is_like_the_source_and_the_target_is_not(studios, likeness):
    exchange = Exchange.between(studios["source"], studios["target"])
    moment = exchange.make(int(studios["target"].footage.training[0]), None)
    chip = torch.from_numpy(moment.chip)[None]
    assert likeness.wanted.shape == (EMBEDDING,)

    def distance(picture):
        return float(likeness(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255, chip))

    swapped = np.where((moment.share > 127)[..., None], moment.prior, moment.picture)
    assert distance(swapped) < 0.5 * distance(moment.picture)


@pytest.mark.parametrize(
    ("shares", "names"),
    [
        (Shares(), set()),
        (Shares(identity=0.5, begin=0), {"identity"}),
        (Shares(adversary=0.3, begin=0), {"catch", "fool"}),
        (Shares(perceptual=0.3, begin=0), {"perceptual"}),
    ],
    ids=["none", "identity", "adversary", "perceptual"],
)
def test_each_teacher_adds_its_terms(studios, likeness, shares, names):
    one = task(studios, shares, likeness, lambda made, real: (made - real).square().mean())
    batch = as_tensors(one.batch(slots(0, 0, 0, range(one.parts))))
    assert ("swap" in batch) == bool(shares.identity)
    terms = one.losses(batch, 1)
    assert set(terms) == {"dssim", "l1", "mask"} | names
    assert all(torch.isfinite(term) for term in terms.values())
    torch.stack([term.float() for term in terms.values()]).sum().backward()
    for name, trained in one.networks().items():
        assert any(p.grad is not None and p.grad.abs().max() > 0 for p in trained.parameters()), name


def test_teachers_wait_until_restoring_has_settled(studios, likeness):
    shares = Shares(identity=0.5, begin=10)
    one = task(studios, shares, likeness)
    batch = as_tensors(one.batch(slots(0, 0, 0, range(one.parts))))
    assert "identity" not in one.losses(batch, 10)
    early, late = (one.losses(batch, step)["identity"] for step in (12, 40))
    assert early.item() == pytest.approx(0.2 * late.item(), rel=1e-3)
    assert shares.at(0) == 0
    assert shares.at(15) == 0.5
    assert shares.at(1000) == 1


def test_learning_likeness_brings_the_swap_nearer_to_the_source(studios, likeness):
    """Tiny overfit: the same few moments again and again, likeness alone."""
    exchange = Exchange.between(studios["source"], studios["target"])
    rows = studios["target"].footage.training[:2]
    moments = [exchange.make(int(row), None) for row in rows]
    picture, share = (
        torch.from_numpy(np.stack([getattr(m, name) for m in moments])).float() / 255
        for name in ("picture", "share")
    )
    picture, share = picture.permute(0, 3, 1, 2), share[:, None]
    chips = torch.from_numpy(np.stack([m.chip for m in moments]))
    made = nn.Parameter(torch.full_like(picture, 0.5))
    optimizer = torch.optim.Adam([made], lr=0.02)
    found = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = likeness(share * made + (1 - share) * picture, chips)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    assert found[-1] < 0.5 * found[0]


@pytest.mark.parametrize(
    "wrong", [{"identity": -0.1}, {"adversary": 5.0}, {"perceptual": float("nan")}], ids=str
)
def test_shares_out_of_range(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        SwapSettings(**wrong)


def test_shares_are_the_presets_but_for_what_is_chosen():
    assert SwapSettings(preset="base").shares.adversary > 0
    assert SwapSettings(preset="base", adversary=0).shares.adversary == 0
    assert SwapSettings(preset="base", adversary=0).shares.perceptual > 0
    assert SwapSettings(identity=0.25).shares.identity == 0.25
