"""Tests of talking-head losses: pyramid L1, embedding match, and the inputs of the content loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from effigie.heads.meta_learning.losses import embedding_match, pyramid_l1
from effigie.nn.perceptual import PerceptualLoss, load_vgg


def pictures(count, size, seed=0):
    """Smooth random pictures (N, 3, S, S) in [0, 1]."""
    coarse = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1)


@pytest.fixture(autouse=True)
def _the_same_randomness_in_any_order():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def vgg():
    return load_vgg()


def test_pyramid_measures_a_difference_in_colour():
    real = pictures(2, 32)
    weight = torch.rand(2, 1, 32, 32)
    assert pyramid_l1(real, real).item() == 0
    assert pyramid_l1(real + 0.1, real).item() == pytest.approx(0.1, rel=1e-4)
    assert pyramid_l1(real + 0.1, real, weight).item() == pytest.approx(0.1, rel=1e-4)


def test_pyramid_counts_pixels_by_their_weight():
    real = pictures(1, 32)
    made = real.clone()
    made[..., 16:] += 0.5
    left = torch.zeros(1, 1, 32, 32)
    left[..., :16] = 1
    assert pyramid_l1(made, real, left).item() == 0
    assert pyramid_l1(made, real, 1 - left).item() == pytest.approx(0.5, rel=1e-4)


def test_pyramid_forgives_fine_places_not_light():
    lines = torch.zeros(1, 3, 32, 32)
    lines[..., ::2] = 1
    moved = pyramid_l1(lines.roll(1, 3), lines).item()
    assert moved == pytest.approx(0.25)  # wrong at the finest of four scales, right at the rest
    assert pyramid_l1(torch.full_like(lines, 0.5), lines).item() < moved


def test_pyramid_refuses_shapes_that_differ():
    with pytest.raises(ValueError, match="alike"):
        pyramid_l1(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 16, 16))
    with pytest.raises(ValueError, match="alike"):
        pyramid_l1(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32), torch.rand(1, 1, 32, 32))


def test_embeddings_and_columns_meet():
    embedding = torch.nn.Parameter(torch.rand(4, 8))
    column = torch.nn.Parameter(torch.rand(4, 8))
    optimizer = torch.optim.SGD([embedding, column], lr=0.1)
    before = embedding_match(embedding, column)
    before.backward()
    assert torch.equal(embedding.grad, -column.grad) and embedding.grad.abs().sum() > 0
    optimizer.step()
    assert embedding_match(embedding, column) < before


def test_the_weights_are_fed_blue_green_red_to_255_without_the_mean(vgg):
    """The usual mistake is RGB in 0..1: computed here with NumPy for one position."""
    picture = pictures(1, 16, seed=3)
    place = picture[0, :, 4:7, 9:12].numpy().astype(np.float64)
    fed = 255 * place[::-1] - np.array([104.00699, 116.66877, 122.67892])[:, None, None]
    weight, bias = vgg.get_buffer("weight0").numpy(), vgg.get_buffer("bias0").numpy()
    expected = np.maximum(np.einsum("oihw,ihw->o", weight, fed) + bias, 0)
    assert vgg(picture, 1)[0][0, :, 5, 10].numpy() == pytest.approx(expected, abs=1e-3)


def test_the_weights_are_those_of_a_trained_network(vgg):
    """Trained on such pictures, features of a photograph are neither dead nor huge at any depth."""
    features = vgg(pictures(1, 128), 5)
    assert [feature.shape[1:] for feature in features] == [
        (64, 128, 128),
        (128, 64, 64),
        (256, 32, 32),
        (512, 16, 16),
        (512, 8, 8),
    ]
    assert all(0.1 < feature.mean() < 100 for feature in features)


@pytest.mark.slow
def test_content_ranks_damage(vgg):
    real = pictures(2, 64)
    content = PerceptualLoss(vgg)
    blurred = F.interpolate(F.avg_pool2d(real, 8), scale_factor=8.0)
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    assert content(real, real).item() == 0
    assert content((real + 0.02 * noise).clamp(0, 1), real) < content((real + 0.1 * noise).clamp(0, 1), real)
    assert content(real, real) < content(blurred, real) < content(1 - real, real)


@pytest.mark.parametrize("halve", [False, True])
def test_content_teaches_what_is_made_alone(vgg, halve):
    made = pictures(1, 64).requires_grad_()
    real = pictures(1, 64, seed=1).requires_grad_()
    PerceptualLoss(vgg, depth=3, halve=halve)(made, real).backward()
    assert made.grad.abs().sum() > 0 and real.grad is None
    assert not list(vgg.parameters())


@pytest.mark.slow
def test_following_content_leads_to_the_picture(vgg):
    real = pictures(1, 32)
    made = torch.full_like(real, 0.5).requires_grad_()
    content, optimizer = PerceptualLoss(vgg, depth=2), torch.optim.Adam([made], lr=0.02)
    before = (made - real).abs().mean().item()
    for _ in range(60):
        optimizer.zero_grad()
        content(made, real).backward()
        optimizer.step()
    assert (made - real).abs().mean().item() < 0.4 * before
