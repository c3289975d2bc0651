"""Tests of the swap's networks and losses: shapes of every preset, SSIM against a reference, overfitting."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import nn

from effigie.errors import UsageError
from effigie.nn.images import to_float, to_uint8
from effigie.nn.ssim import masked_ssim_error
from effigie.prior.frame_bank import FaceProfile
from effigie.swap.checkpoint import build_network, load_config, match_stored_preset, save_config
from effigie.swap.losses import GroundTruth, reconstruction_losses, ssim_map, weighted_l1
from effigie.swap.network import PRIOR_CHANNELS, DecoderOutput, SwapNet
from effigie.swap.presets import PRESETS, get_preset
from effigie.training import TrainingSettings
from effigie.training.model_folder import load_weights, save_weights
from effigie.training.state import TrainingState


def small(prior):
    """Narrow enough to train in a test."""
    torch.manual_seed(0)
    return SwapNet(width=16, depth=1, stem=4, prior=prior)


def pictures(count, size, channels=3, seed=0):
    """Smooth random pictures (N, C, S, S) in [0, 1]."""
    coarse = torch.rand(count, channels, 6, 6, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("prior", [True, False], ids=["mesh", "none"])
def test_shapes_of_every_preset(name, prior):
    """On the meta device: nothing is computed, all shapes are checked."""
    size = get_preset(name)
    with torch.device("meta"):
        network = build_network(size, prior)
        picture = torch.empty(2, 3, size.size, size.size)
        given = torch.empty(2, PRIOR_CHANNELS, size.size, size.size) if prior else None
        for person in ("source", "target"):
            made = network(picture, given, person)
            assert made.picture.shape == (2, 3, size.size, size.size)
            assert made.blend_weight.shape == (2, 1, size.size, size.size)
    assert network.encoder(picture.to("meta")).shape == (2, 2 * size.width, size.size // 32, size.size // 32)


def test_a_model_of_before_bottlenecks_goes_on_with_plain_blocks(tmp_path):
    tiny, plain = get_preset("tiny"), replace(get_preset("tiny"), block="plain")
    assert match_stored_preset(tmp_path, tiny) == tiny
    people = [
        FaceProfile(np.zeros((478, 3)), 0.3, np.zeros(128, np.float32), np.zeros(52, np.float32)) for _ in range(2)
    ]
    save_config(tmp_path, plain, True, *people)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["preset"]["block"]  # as version 0.1 wrote it
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert match_stored_preset(tmp_path, tiny) == plain
    assert load_config(tmp_path)["preset"] == asdict(plain)
    with torch.device("meta"):
        counts = [sum(p.numel() for p in build_network(one, True).parameters()) for one in (tiny, plain)]
    assert counts[0] < 0.7 * counts[1]


def test_presets_grow():
    sizes = [get_preset(name) for name in ("tiny", "base", "large")]
    assert [one.size for one in sizes] == [128, 256, 384]
    with torch.device("meta"):
        counts = [sum(p.numel() for p in build_network(one, True).parameters()) for one in sizes]
    assert counts == sorted(counts)
    assert 3e6 < counts[0] < 12e6
    with pytest.raises(UsageError, match="tiny"):
        get_preset("huge")


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 4, 64, 64), (1, 3, 60, 64), (1, 3, 64, 50)])
def test_wrong_pictures_are_refused(shape):
    with pytest.raises(ValueError, match=r"\(B, 3, S, S\)"):
        small(prior=False)(torch.zeros(shape), None, "source")


@pytest.mark.parametrize("prior", [None, torch.zeros(1, 3, 64, 64)], ids=["none", "without validity"])
def test_wrong_priors_are_refused(prior):
    with pytest.raises(ValueError, match="prior"):
        small(prior=True)(torch.zeros(1, 3, 64, 64), prior, "source")


def test_two_decoders_share_one_encoder():
    network = small(prior=False)
    picture = pictures(1, 64)
    one, two = network(picture, None, "source"), network(picture, None, "target")
    assert not torch.allclose(one.picture, two.picture)
    one.picture.mean().backward()
    assert network.encoder.layers[1].weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.target.parameters())


def test_the_prior_counts_only_where_it_is_valid():
    """Left half valid: there the untrained picture is near the prior; right half: the prior is ignored."""
    network = small(prior=True).eval()
    picture = pictures(1, 64)
    valid = torch.zeros(1, 1, 64, 64)
    valid[..., :32] = 1
    with torch.no_grad():
        made = [network(picture, torch.cat([pictures(1, 64, seed=seed), valid], 1), "source") for seed in (1, 2)]
    for one in made:
        assert one.blend_weight[..., 32:].max() == 0
        assert one.blend_weight[..., :32].min() > 0.5
        assert one.picture.min() >= 0
        assert one.picture.max() <= 1
    apart = (made[0].picture - made[1].picture).abs().mean(1)
    assert apart[..., :24].mean() > 5 * apart[..., 40:].mean()


def test_ssim_is_the_published_one():
    """scikit-image's, uniform window, biased variances; away from the border, where the padding differs."""
    a, b = pictures(2, 48, seed=3), pictures(2, 48, seed=4) * 0.3 + 0.7 * pictures(2, 48, seed=3)
    mine = ssim_map(a, b).numpy()
    for one in range(2):
        for channel in range(3):
            _, full = structural_similarity(
                a[one, channel].numpy(),
                b[one, channel].numpy(),
                win_size=7,
                data_range=1.0,
                use_sample_covariance=False,
                full=True,
            )
            assert np.abs(mine[one, channel] - full)[4:-4, 4:-4].max() < 5e-4  # float32
    assert np.allclose(ssim_map(a, a).numpy(), 1, atol=1e-4)


def test_losses_are_weighted_and_named():
    picture = pictures(2, 32)
    made = DecoderOutput(picture.clone().requires_grad_(), torch.zeros(2, 1, 32, 32))
    right = GroundTruth(picture, torch.ones(2, 1, 32, 32))
    terms = reconstruction_losses(made, right)
    assert set(terms) == {"dssim", "l1"}
    assert terms["l1"] == 0
    assert terms["dssim"].abs() < 1e-4
    # A difference counts by the weight of its place.
    half = torch.zeros(2, 1, 32, 32)
    half[..., :16] = 1
    wrong = GroundTruth(torch.where(half > 0, picture, 1 - picture), half)
    assert weighted_l1(made, wrong) == 0
    assert weighted_l1(made, GroundTruth(wrong.picture, 1 - half)) > 0.1
    whole = GroundTruth(wrong.picture, right.weight)
    assert torch.isclose(reconstruction_losses(made, whole)["l1"], 2 * weighted_l1(made, whole))


@pytest.mark.slow
@pytest.mark.parametrize("prior", [True, False], ids=["mesh", "none"])
def test_a_tiny_batch_is_learned_by_heart(prior):
    """Two faces a person; the prior is another picture, of use nowhere."""
    network = small(prior)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    people = {}
    for seed, person in enumerate(("source", "target")):
        people[person] = GroundTruth(pictures(2, 32, seed=seed + 5), torch.ones(2, 1, 32, 32))
    given = pictures(2, 32, PRIOR_CHANNELS, seed=9) if prior else None
    history = []
    for _ in range(80):
        total = torch.zeros(())
        for person, truth in people.items():
            total = total + sum(reconstruction_losses(network(truth.picture, given, person), truth).values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(total.item())
    assert history[-1] < 0.35 * history[0]


@pytest.mark.parametrize("prior", [True, False], ids=["mesh", "none"])
def test_weights_and_moments_of_a_decoder_with_a_mask_are_read(prior, tmp_path):
    """As version 0.1 wrote them: the mask's sixteen channels lie behind the picture's."""

    def with_mask(name, tensor):
        if ".finish.0." not in name or tensor.ndim == 0:
            return tensor
        return torch.cat([tensor[:48], torch.full_like(tensor[:16], 9.0), tensor[48:]])

    network = small(prior)
    save_weights(
        tmp_path / "swap.safetensors",
        {name: with_mask(name, tensor) for name, tensor in network.state_dict().items()},
        half=False,
    )
    read = SwapNet(16, 1, 4, prior)
    load_weights(tmp_path / "swap.safetensors", read)
    assert all(torch.equal(read.state_dict()[name], tensor) for name, tensor in network.state_dict().items())

    def build(network):
        groups = [{"params": network.parameters()}]
        return TrainingState({"swap": network}, lambda: groups, TrainingSettings(), torch.device("cpu"))

    state, resumed = build(network), build(SwapNet(16, 1, 4, prior))
    made = network(pictures(2, 32), pictures(2, 32, PRIOR_CHANNELS) if prior else None, "source")
    made.picture.mean().backward()
    state.advance(1.0)
    snapshot = state.capture()
    old = {name: with_mask(name, tensor) for name, tensor in snapshot.tensors.items()}
    resumed.restore(replace(snapshot, tensors=old))
    again = resumed.capture().tensors
    assert again.keys() == snapshot.tensors.keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in snapshot.tensors.items())


def test_pictures_there_and_back():
    bytes_ = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    floats = to_float(torch.from_numpy(bytes_))
    assert floats.shape == (2, 3, 8, 8)
    assert floats.max() <= 1
    assert np.array_equal(to_uint8(floats), bytes_)


def test_face_error_is_zero_for_the_same_and_looks_only_inside():
    random = np.random.default_rng(0)
    truth = random.random((64, 64, 3)).astype(np.float32)
    mask = np.zeros((64, 64), bool)
    mask[20:44, 20:44] = True
    assert masked_ssim_error(truth, truth, mask) < 1e-6
    elsewhere = truth.copy()
    elsewhere[:8] = 0
    assert masked_ssim_error(elsewhere, truth, mask) < 1e-6
    assert masked_ssim_error(1 - truth, truth, mask) > 0.5
