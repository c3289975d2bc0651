"""Tests of embedder, generator and discriminator: the paper's sizes, spectral norm, initial values."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from effigie.errors import UsageError
from effigie.heads.meta_learning.losses import pyramid_l1
from effigie.heads.network.discriminator import Discriminator
from effigie.heads.network.embedder import Embedder
from effigie.heads.network.generator import Generator, fill_prior
from effigie.heads.network.layers import AdaIN, InstanceNorm, NoNorm, SelfAttention, fold_spectral_norm, instance_norm
from effigie.heads.presets import PRESETS, preset
from effigie.nn.gan import GanLoss
from effigie.training.config import TrainingSettings
from effigie.training.state import TrainingState

PICO = preset("pico")
PEOPLE = 5


@pytest.fixture(autouse=True)
def _the_same_randomness_in_any_order():
    torch.manual_seed(0)


def pictures(count, size, channels=3, seed=0):
    """Smooth random pictures (N, C, S, S) in [0, 1]."""
    coarse = torch.rand(count, channels, 6, 6, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1)


def made_networks(size=PICO, prior=True):
    torch.manual_seed(0)
    return Embedder(size), Generator(size, prior), Discriminator(size, PEOPLE)


def millions(network):
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


@pytest.mark.slow
def test_the_papers_sizes():
    embedder, generator, discriminator = made_networks(preset("paper"), prior=False)
    assert millions(embedder) == pytest.approx(15, rel=0.03)
    assert millions(discriminator) - millions(discriminator.table) == pytest.approx(20, rel=0.03)
    assert millions(generator) == pytest.approx(38, rel=0.03)
    assert generator.count == 13_056


def test_the_smallest_that_is_shipped_is_small():
    embedder, generator, discriminator = made_networks(preset("nano"))
    table = millions(discriminator.table)
    assert millions(embedder) + millions(generator) < 6
    half_precision_mb = 2 * (millions(embedder) + millions(generator) + millions(discriminator) - table)
    assert half_precision_mb < 15


ATTENTION = {"pico": [], "nano": [], "base": [32, 32, 32, 64], "paper": [32, 32, 32, 64]}


@pytest.mark.parametrize("name", PRESETS)
def test_shapes_of_every_preset_and_self_attention_where_the_paper_has_it(name):
    size = preset(name)
    embedder, generator, discriminator = made_networks(size, prior=False)
    sides = []
    for network in (embedder, discriminator, generator):
        for module in network.modules():
            if isinstance(module, SelfAttention):
                module.register_forward_hook(lambda _, inputs, __: sides.append(inputs[0].shape[-1]))
    picture, drawing = pictures(1, size.size), pictures(1, size.size, seed=1)
    with torch.no_grad():
        embedding = embedder(picture, drawing)
        judged = discriminator(picture, drawing, torch.tensor([PEOPLE - 1]))
        made = [generator(drawing, embedding)]
        assert sides == ATTENTION[name]
        made.append(Generator(size, True)(drawing, embedding, pictures(1, size.size, 4, seed=2)))
    assert embedding.shape == (1, size.embedding)
    for each in made:
        assert each.picture.shape == (1, 3, size.size, size.size)
        assert each.blend_weight.shape == (1, 1, size.size, size.size)
        assert each.picture.min() >= 0 and each.picture.max() <= 1
    assert judged.score.shape == (1,)
    assert judged.features[-1].shape == (1, size.embedding, 4, 4)
    # One feature map a block, each half the size of the one before, and the block that keeps its size.
    sides = [feature.shape[-1] for feature in judged.features]
    assert sides == [4 << step for step in range(len(sides) - 2, -1, -1)] + [4]


def test_attention_starts_as_the_identity_and_then_mixes_places():
    torch.manual_seed(0)
    attention, x = SelfAttention(16), torch.rand(1, 16, 8, 8)
    assert torch.equal(attention(x), x)
    nn.init.constant_(attention.gain, 1.0)
    elsewhere = x.clone()
    elsewhere[:, :, 7, 7] += 1
    assert (attention(x) - attention(elsewhere))[0, :, 0, 0].abs().max() > 1e-6


@pytest.mark.parametrize("name", PRESETS)
def test_spectral_norm_on_every_layer(name):
    for network in made_networks(preset(name)):
        layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear, nn.Embedding))]
        assert layers and all(parametrize.is_parametrized(layer, "weight") for layer in layers)


def test_spectral_norm_bounds_what_a_layer_does():
    network = made_networks()[0].train()
    for _ in range(20):
        network(pictures(1, PICO.size), pictures(1, PICO.size))
    for module in network.eval().modules():
        if isinstance(module, nn.Conv2d):
            assert torch.linalg.matrix_norm(module.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.05)


def test_norms_where_the_paper_has_them():
    embedder, generator, discriminator = made_networks(prior=False)
    kinds = (InstanceNorm, AdaIN)
    assert not [m for network in (embedder, discriminator) for m in network.modules() if isinstance(m, kinds)]
    assert {type(m) for m in generator.halving.modules() if isinstance(m, (*kinds, NoNorm))} <= {InstanceNorm, NoNorm}
    assert {type(m) for m in generator.residual.modules() if isinstance(m, (*kinds, NoNorm))} == {AdaIN}
    assert {type(m) for m in generator.doubling.modules() if isinstance(m, (*kinds, NoNorm))} == {AdaIN}


def test_instance_norm_by_the_book():
    x = torch.randn(3, 5, 8, 8) * 4 + 7
    scale, shift = torch.randn(3, 5), torch.randn(3, 5)
    expected = F.instance_norm(x) * (1 + scale[..., None, None]) + shift[..., None, None]
    assert torch.allclose(instance_norm(x, scale, shift), expected, atol=1e-4)


def test_a_prior_is_kept_at_first_where_it_is_valid():
    _, generator, _ = made_networks(preset("nano"))
    prior = pictures(3, 128, 4, seed=3)
    prior[:, 3] = (prior[:, 3] > 0.4).float()
    with torch.no_grad():
        made = generator(pictures(3, 128), torch.rand(3, 192), prior)
    valid = prior[:, 3:]
    assert ((made.picture - prior[:, :3]).abs() * valid).sum() / (3 * valid.sum()) < 0.05
    assert made.blend_weight[valid == 1].min() > 0.5
    assert made.blend_weight[valid == 1].mean() > made.blend_weight[valid == 0].mean() + 0.3


def test_colours_continue_into_holes():
    left_red = torch.zeros(1, 4, 64, 64)
    left_red[:, 0, :, :32], left_red[:, 2, :, 32:], left_red[:, 3] = 1, 1, 1
    left_red[:, 3, 16:48, 8:24] = 0
    left_red[:, :3, 16:48, 8:24] = 0.0  # what is not valid counts little
    filled = fill_prior(left_red)
    red, green, blue = filled[0, :, 32, 16]
    assert red > 0.5 and green == 0 and blue < 0.1
    left_red[:, 3] = 0  # where nothing is valid it is all there is
    assert fill_prior(left_red)[0, 0, 2, 4] > 0.5


@pytest.mark.slow
def test_learns_one_picture_by_heart():
    embedder, generator, _ = made_networks(prior=False)
    picture, drawing = pictures(1, 64, seed=4), pictures(1, 64, seed=5)
    optimizer = torch.optim.Adam([*embedder.parameters(), *generator.parameters()], lr=2e-3)
    first = None
    for _ in range(60):
        loss = pyramid_l1(generator(drawing, embedder(picture, drawing)).picture, picture)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first = first or loss.item()
    assert loss.item() < 0.03 < 0.1 < first


def test_who_it_is_changes_the_picture_and_own_parameters_replace_the_embedding():
    embedder, generator, _ = made_networks()
    generator.eval()
    drawing, prior = pictures(2, 64), pictures(2, 64, 4, seed=1)
    with torch.no_grad():
        embedding = embedder(pictures(2, 64, seed=2), drawing)
        psi = generator.project_embedding(embedding)
        expected = generator(drawing, embedding, prior).picture
        assert torch.equal(generator(drawing, prior=prior, psi=psi).picture, expected)
        assert not torch.allclose(generator(drawing, embedding.flip(0), prior).picture, expected)
    own = nn.Parameter(psi[:1].clone())
    generator(drawing, prior=prior, psi=own).picture.mean().backward()
    assert own.grad.abs().sum() > 0


def test_a_column_in_the_place_of_w_i_and_w0():
    discriminator = made_networks()[2].eval()
    picture, drawing, person = pictures(2, 64), pictures(2, 64, seed=1), torch.tensor([3, 1])
    with torch.no_grad():
        nn.init.uniform_(discriminator.everyone.bias, 1, 2)
        known = discriminator(picture, drawing, person).score
        column = discriminator.column(person)
        ours = torch.stack([discriminator.init_column(each) for each in column])
        assert torch.allclose(discriminator(picture, drawing, column=ours).score, known, atol=1e-5)
        assert not torch.allclose(discriminator(picture, drawing).score, known, atol=1e-5)
    tuned = nn.Parameter(ours[0])
    discriminator(picture, drawing, column=tuned).score.sum().backward()
    assert tuned.grad.abs().sum() > 0


def test_baked_norms_change_nothing_and_leave_the_original_alone():
    for network in made_networks():
        network.eval()
        inputs = [pictures(2, 64), pictures(2, 64, seed=1)]
        if isinstance(network, Generator):
            inputs = [inputs[0], torch.rand(2, 64), pictures(2, 64, 4, seed=2)]
        elif isinstance(network, Discriminator):
            inputs.append(torch.tensor([0, 2]))
        plain = fold_spectral_norm(fold_spectral_norm(network))
        # Baking a copy of a copy: torch's own way takes the norm from all of them.
        assert copy.deepcopy(network).state_dict().keys() == network.state_dict().keys()
        assert not any(parametrize.is_parametrized(module) for module in plain.modules())
        assert not any(parameter.requires_grad for parameter in plain.parameters())
        with torch.no_grad():
            for ours, theirs in zip(tensors(plain(*inputs)), tensors(network(*inputs)), strict=True):
                assert torch.allclose(ours, theirs, atol=1e-5)
        assert network.train()(*inputs) is not None


def tensors(result):
    """All tensors of what a network returns."""
    if isinstance(result, torch.Tensor):
        return [result]
    return [result.picture, result.blend_weight] if hasattr(result, "picture") else [result.score, *result.features]


def one_step(state, adversary):
    embedder, generator = state.networks["embedder"], state.networks["generator"]
    picture, drawing, prior = pictures(2, 64), pictures(2, 64, seed=1), pictures(2, 64, 4, seed=2)
    made = generator(drawing, embedder(picture, drawing), prior).picture
    terms = adversary.losses(made, picture, drawing=drawing, person=torch.tensor([0, 1]))
    state.optimizer.zero_grad()
    torch.stack(list(terms.values())).sum().backward()
    state.advance(1.0)
    return {name: value.item() for name, value in terms.items()}


def begun():
    embedder, generator, discriminator = made_networks()
    adversary = GanLoss(discriminator)
    makers = [*embedder.parameters(), *generator.parameters()]
    networks = {"embedder": embedder, "generator": generator, "discriminator": discriminator}
    settings = TrainingSettings(warm_up_steps=0)
    groups = [{"params": makers}, adversary.parameter_group()]
    return TrainingState(networks, lambda: groups, settings, torch.device("cpu")), adversary


@pytest.mark.slow
def test_training_state_is_kept_and_taken_up_again_exactly():
    state, adversary = begun()
    for _ in range(3):
        one_step(state, adversary)
    snapshot = state.capture()
    expected = [one_step(state, adversary) for _ in range(2)]
    other, its_adversary = begun()
    other.restore(snapshot)
    assert [one_step(other, its_adversary) for _ in range(2)] == expected
    averaged = other.ema.networks["generator"]
    assert all(torch.isfinite(value).all() for value in averaged.state_dict().values())
    # The average follows: it is neither where it began nor where the network is.
    ours, theirs = (n.finish[0].weight for n in (averaged, other.networks["generator"].eval()))
    assert 0 < (ours - theirs).abs().max() < 0.1


def test_half_precision_stays_finite():
    state, adversary = begun()
    with torch.autocast("cpu", torch.bfloat16):
        terms = one_step(state, adversary)
    assert all(abs(value) < 1e3 for value in terms.values())


@pytest.mark.parametrize(
    "call",
    [
        lambda e, g, d: e(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)),
        lambda e, g, d: e(torch.rand(1, 3, 64, 64), torch.rand(2, 3, 64, 64)),
        lambda e, g, d: g(torch.rand(1, 3, 64, 64), torch.rand(1, 64)),
        lambda e, g, d: g(torch.rand(1, 3, 64, 64), torch.rand(1, 64), torch.rand(1, 3, 64, 64)),
        lambda e, g, d: g(torch.rand(1, 3, 64, 64), prior=torch.rand(1, 4, 64, 64)),
        lambda e, g, d: g(torch.rand(1, 3, 64, 64), prior=torch.rand(1, 4, 64, 64), psi=torch.rand(1, 7)),
        lambda e, g, d: d(torch.rand(1, 4, 64, 64), torch.rand(1, 3, 64, 64)),
        lambda e, g, d: d(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64), torch.tensor([0]), torch.rand(64)),
    ],
)
def test_wrong_shapes_are_refused_by_name(call):
    with pytest.raises(ValueError, match=r"must be|takes|needs|give"):
        call(*made_networks())


def test_unknown_preset():
    with pytest.raises(UsageError, match="nano"):
        preset("huge")
