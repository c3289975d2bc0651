"""Tests of gradient balancing, and of the patch discriminator that one of the terms needs."""

from __future__ import annotations

import pytest
import torch

from effigie.nn.discriminator import PatchDiscriminator
from effigie.nn.gan import GanLoss
from effigie.nn.gradient_balancing import GradientBalancer


@pytest.fixture
def picture():
    torch.manual_seed(0)
    return torch.rand(2, 3, 16, 16, requires_grad=True)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_a_term_counts_by_its_share_whatever_its_unit(picture, unit):
    made = picture * 1
    known = 3 * (made - 0.2).square().mean()
    term = GradientBalancer(made, known).balance_term(unit * made.sin().mean(), made, 0.25)
    (alone,) = torch.autograd.grad(term, made, retain_graph=True)
    (wanted,) = torch.autograd.grad(known, made, retain_graph=True)
    assert alone.norm().item() == pytest.approx(0.25 * wanted.norm().item(), rel=1e-4)
    (direction,) = torch.autograd.grad(made.sin().mean(), made)
    assert torch.cosine_similarity(alone.flatten(), direction.flatten(), dim=0).item() == pytest.approx(1, abs=1e-5)


def test_known_and_weighed_terms_add_up(picture):
    made = picture * 2
    known, other = made.square().mean(), made.mean()
    term = GradientBalancer(made, known).balance_term(other, made, 0.5)
    (known + term).backward()
    together = picture.grad.clone()
    picture.grad = None
    (picture * 2).square().mean().backward()
    rest = together - picture.grad
    assert rest.norm().item() == pytest.approx(0.5 * picture.grad.norm().item(), rel=1e-4)
    # What is left of two larger numbers is known to their last digit.
    assert (rest - rest.mean()).abs().max() < 1e-5 * together.abs().max()


def test_a_term_without_a_gradient_weighs_nothing(picture):
    made = picture * 1
    term = GradientBalancer(made, made.square().mean()).balance_term((made - 5).relu().mean(), made, 0.5)
    term.backward()
    assert term.item() == 0
    assert picture.grad.abs().max().item() == 0


def test_the_critic_judges_patches_by_themselves():
    torch.manual_seed(0)
    critic = PatchDiscriminator(channels=4, width=8)
    picture = torch.rand(1, 4, 128, 128)
    judged = critic(picture)
    assert judged.score.shape == (1, 1, 16, 16)
    assert [feature.shape[2] for feature in judged.features] == [32, 16, 8, 16]
    changed = picture.clone()
    changed[..., :16, :16] = 1 - changed[..., :16, :16]
    difference = (critic.eval()(changed).score - critic(picture).score).abs()
    assert difference[..., :2, :2].max() > 0
    assert difference[..., 12:, 12:].max() < 1e-6


@pytest.mark.slow
def test_the_critic_learns_to_tell_made_from_real():
    torch.manual_seed(0)
    critic = PatchDiscriminator(width=8)
    adversary = GanLoss(critic, feature_weight=0)
    optimizer = torch.optim.Adam([adversary.parameter_group(2e-3)])
    smooth = torch.nn.functional.interpolate(torch.rand(8, 3, 4, 4), (32, 32), mode="bilinear")
    rough = (smooth + 0.1 * torch.randn_like(smooth)).clamp(0, 1)
    for _ in range(40):
        optimizer.zero_grad()
        adversary.losses(smooth, rough)["catch"].backward()
        optimizer.step()
    with torch.no_grad():
        assert (critic(rough).score.mean((1, 2, 3)) > critic(smooth).score.mean((1, 2, 3))).all()
