"""Tests of the GAN loss: direction of each term, and which parameters it reaches."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from effigie.nn.gan import (
    DiscriminatorOutput,
    GanLoss,
    feature_matching_loss,
    freeze_parameters,
    hinge_loss,
    relativistic_hinge_loss,
)


class Judge(nn.Module):
    """A small discriminator of pictures (B, 3, S, S) conditioned on one number."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.score = nn.Linear(9, 1)

    def forward(self, picture, told=None):
        one = nn.functional.leaky_relu(self.first(2 * picture - 1), 0.2)
        two = nn.functional.leaky_relu(self.second(one), 0.2)
        told = picture.new_zeros(len(picture), 1) if told is None else told
        return DiscriminatorOutput(self.score(torch.cat([two.mean((2, 3)), told], 1))[:, 0], [one, two])


@pytest.fixture
def adversary():
    torch.manual_seed(0)
    return GanLoss(Judge())


def test_hinge_wants_real_up_and_made_down_up_to_a_margin():
    real = torch.tensor([-2.0, 0.5, 3.0], requires_grad=True)
    made = torch.tensor([-3.0, -0.5, 2.0], requires_grad=True)
    loss = hinge_loss(real, made)
    assert loss.item() == pytest.approx((3 + 0.5 + 0) / 3 + (0 + 0.5 + 3) / 3)
    loss.backward()
    assert real.grad.tolist() == pytest.approx([-1 / 3, -1 / 3, 0])
    assert made.grad.tolist() == pytest.approx([0, 1 / 3, 1 / 3])


def test_to_fool_is_to_score_high(adversary):
    made = torch.rand(4, 3, 16, 16, requires_grad=True)
    adversary.losses(made, torch.rand(4, 3, 16, 16))["fool"].backward()
    score = adversary.discriminator(made.detach()).score.mean()
    assert adversary.discriminator((made - 10 * made.grad).detach()).score.mean() > score


def gradients(module):
    return [p.grad for p in module.parameters() if p.grad is not None and p.grad.abs().sum() > 0]


@pytest.mark.parametrize("term", ["catch", "fool", "features"])
def test_each_term_reaches_its_side_alone(adversary, term):
    made = torch.rand(4, 3, 16, 16, requires_grad=True)
    told = torch.rand(4, 1, requires_grad=True)
    real = torch.rand(4, 3, 16, 16, requires_grad=True)
    adversary.losses(made, real, told=told)[term].backward()
    judges = len(list(adversary.discriminator.parameters()))
    if term == "catch":
        # All but the last bias, which real and made pull both ways.
        assert len(gradients(adversary.discriminator)) >= judges - 1
        assert made.grad is None and told.grad is not None
    else:
        assert not gradients(adversary.discriminator)
        assert made.grad.abs().sum() > 0 and told.grad is None and real.grad is None
    assert all(parameter.requires_grad for parameter in adversary.discriminator.parameters())


def test_one_backward_is_the_sum_of_both_sides(adversary):
    """What the loop does: all terms at once, each parameter having what its own terms give it."""
    made, real = torch.rand(4, 3, 16, 16, requires_grad=True), torch.rand(4, 3, 16, 16)

    def gradient(*terms):
        adversary.discriminator.zero_grad(set_to_none=True)
        made.grad = None
        losses = adversary.losses(made, real)
        sum(losses[term] for term in terms).backward()
        return made.grad, [p.grad for p in adversary.discriminator.parameters()]

    together, judge_together = gradient("catch", "fool", "features")
    makers, _ = gradient("fool", "features")
    _, judges = gradient("catch")

    def same(one, other):
        """Up to rounding, which is of the order of the largest."""
        return torch.allclose(one, other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))

    assert same(together, makers)
    assert all(same(a, b) for a, b in zip(judge_together, judges, strict=True))


def test_weights_are_as_asked(adversary):
    made, real = torch.rand(4, 3, 16, 16), torch.rand(4, 3, 16, 16)
    plain = adversary.losses(made, real)
    heavier = GanLoss(adversary.discriminator, weight=0.5, feature_weight=30.0).losses(made, real)
    for term, factor in (("catch", 0.5), ("fool", 0.5), ("features", 3.0)):
        assert heavier[term].item() == pytest.approx(factor * plain[term].item(), rel=1e-5)
    assert "features" not in GanLoss(adversary.discriminator, feature_weight=0).losses(made, real)


def test_feature_distance_is_the_mean_of_the_blocks():
    made = [torch.ones(2, 3, 4, 4), torch.zeros(2, 5, 2, 2)]
    real = [torch.zeros(2, 3, 4, 4), torch.full((2, 5, 2, 2), 3.0)]
    assert feature_matching_loss(made, real).item() == 2


def test_frozen_gives_back_what_was_learning_even_after_an_error():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    network[0].bias.requires_grad_(False)
    with pytest.raises(RuntimeError), freeze_parameters(network):
        assert not any(parameter.requires_grad for parameter in network.parameters())
        raise RuntimeError
    assert [parameter.requires_grad for parameter in network.parameters()] == [True, False, True, True]


def test_the_group_holds_what_learns(adversary):
    group = adversary.parameter_group(1e-3, 1e-8)
    assert group["lr"] == 1e-3 and group["betas"][0] == 0 and group["eps"] == 1e-8
    count = len(group["params"])
    next(adversary.discriminator.parameters()).requires_grad_(False)
    assert len(adversary.parameter_group()["params"]) == count - 1
    assert adversary.parameter_group()["lr"] == 2e-4


def test_a_maker_learns_colours_from_the_adversary_alone(adversary):
    """No pixel loss: pictures of one grey become red because that is what real ones are."""
    torch.manual_seed(1)
    color = nn.Parameter(torch.tensor([0.5, 0.5, 0.5]))
    wanted = torch.tensor([0.9, 0.2, 0.2])
    adversary = GanLoss(adversary.discriminator, feature_weight=0)
    optimizer = torch.optim.Adam([{"params": [color], "lr": 5e-3}, adversary.parameter_group(5e-3)], betas=(0.0, 0.99))
    for _ in range(100):
        noise = 0.1 * torch.randn(2, 8, 3, 8, 8)
        made, real = (each[:, None, None] + part for each, part in zip((color, wanted), noise, strict=True))
        optimizer.zero_grad()
        sum(adversary.losses(made, real).values()).backward()
        optimizer.step()
    assert (color.detach() - wanted).abs().mean() < 0.12


def test_paired_scores_are_compared_pair_by_pair():
    better, worse = torch.tensor([5.0, -3.0]), torch.tensor([3.0, -5.0])
    assert relativistic_hinge_loss(better, worse) == 0
    assert relativistic_hinge_loss(worse, better) == 3
    # Together they would not be told apart: the second real one scores below the first made one.
    assert hinge_loss(better, worse) > 1


def test_paired_terms_reach_either_side_alone(adversary):
    adversary = GanLoss(adversary.discriminator, feature_weight=0, paired=True)
    made = torch.rand(2, 3, 8, 8, requires_grad=True)
    terms = adversary.losses(made, torch.rand(2, 3, 8, 8))
    terms["catch"].backward(retain_graph=True)
    assert made.grad is None
    learned = [parameter.grad.clone() for parameter in adversary.discriminator.parameters()]
    terms["fool"].backward()
    assert made.grad is not None
    for parameter, before in zip(adversary.discriminator.parameters(), learned, strict=True):
        assert torch.equal(parameter.grad, before)
