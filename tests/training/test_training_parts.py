"""Tests of the loop's parts: average, optimiser state, plateau, guard, curve, previews, prefetch."""

from __future__ import annotations

import copy
import itertools
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from effigie.training import TrainingSettings, choose_device, choose_precision, detect_plateau
from effigie.training.checkpoint import CheckpointStore, read_checkpoint
from effigie.training.data.prefetcher import QUEUE_SIZE, BatchPrefetcher
from effigie.training.data.sample_key import SampleKey
from effigie.training.device import to_device
from effigie.training.monitor.curve import Curve, read_curve
from effigie.training.monitor.plot import linear_ticks, log_ticks, plot_curve
from effigie.training.monitor.previews import find_excess_steps, write_preview
from effigie.training.nan_guard import MAX_STREAK, RECOVERY_STEPS, NanGuard, NumericError
from effigie.training.state import ModelEma, TrainingState, compute_decay


def test_average_follows_the_formula_and_copies_buffers() -> None:
    network = nn.BatchNorm1d(3)
    average = ModelEma({"norm": network}, decay=0.6)
    expected = network.weight.detach().clone()
    for step in range(1, 30):
        with torch.no_grad():
            network.weight.copy_(torch.randn(3))
            network.running_mean.copy_(torch.randn(3))
            network.num_batches_tracked += 1
        average.update(step)
        decay = min(0.6, step / (9 + step))
        expected = decay * expected + (1 - decay) * network.weight.detach()
        torch.testing.assert_close(average.networks["norm"].weight, expected)
    assert torch.equal(average.networks["norm"].running_mean, network.running_mean)
    assert average.networks["norm"].num_batches_tracked == 29
    assert not average.networks["norm"].training


def test_average_forgets_the_initial_weights_early() -> None:
    left = np.cumprod([compute_decay(step, 0.999) for step in range(1, 101)])
    assert left[9] < 1e-4, "after ten steps the initial weights are gone"
    assert compute_decay(10**6, 0.999) == 0.999


def test_average_keeps_shared_parts_shared() -> None:
    shared = nn.Linear(2, 2)
    average = ModelEma({"a": nn.Sequential(shared), "b": nn.Sequential(shared)}, 0.9)
    assert average.networks["a"][0] is average.networks["b"][0]


@hypothesis_settings(max_examples=15, deadline=None)
@given(
    widths=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    steps=st.integers(0, 4),
    channels_last=st.booleans(),
    seed=st.integers(0, 99),
)
def test_state_round_trips_through_a_checkpoint(
    tmp_path_factory: pytest.TempPathFactory, widths: list[int], steps: int, channels_last: bool, seed: int
) -> None:
    """Saved, read back and trained on, it does the same as the original trained on."""

    def build(own_seed: int) -> tuple[nn.Sequential, TrainingState]:
        torch.manual_seed(own_seed)
        network = nn.Sequential(*(nn.Conv2d(a, b, 3) for a, b in itertools.pairwise(widths)))
        network = network.to(memory_format=torch.channels_last) if channels_last else network
        groups = [{"params": layer.parameters()} for layer in network]
        return network, TrainingState({"net": network}, lambda: groups, TrainingSettings(), torch.device("cpu"))

    def advance(network: nn.Sequential, state: TrainingState) -> None:
        torch.manual_seed(state.step)
        network(torch.randn(2, widths[0], 9, 9)).square().mean().backward()
        state.advance(1.0)
        state.optimizer.zero_grad()

    network, state = build(seed)
    for _ in range(steps):
        advance(network, state)
    folder = tmp_path_factory.mktemp("state")
    snapshot, record = read_checkpoint(CheckpointStore(folder).save(state.capture(), {"seconds": 1.5}))
    assert record["seconds"] == 1.5 and snapshot.step == steps

    other, restored = build(seed + 1)
    restored.restore(snapshot)
    for _ in range(2):
        advance(network, state)
        advance(other, restored)
    ours, theirs = state.capture(), restored.capture()
    assert ours.tensors.keys() == theirs.tensors.keys() and ours.scalars == theirs.scalars
    assert all(torch.equal(ours.tensors[name], theirs.tensors[name]) for name in ours.tensors)


def test_capture_is_not_touched_by_later_steps_nor_restore_by_the_next() -> None:
    network = nn.Linear(3, 1)
    state = TrainingState(
        {"net": network}, lambda: [{"params": network.parameters()}], TrainingSettings(), torch.device("cpu")
    )

    def step() -> None:
        network(torch.ones(1, 3)).sum().backward()
        state.advance(1.0)

    step()
    snapshot = state.capture()
    before = copy.deepcopy(snapshot.tensors)
    step()
    state.restore(snapshot)
    step()
    assert all(torch.equal(before[name], snapshot.tensors[name]) for name in before)


def test_parameters_of_no_network_are_refused() -> None:
    stranger, known = nn.Linear(1, 1), nn.Linear(1, 1)
    with pytest.raises(ValueError, match="belong to none"):
        TrainingState(
            {"known": known}, lambda: [{"params": stranger.parameters()}], TrainingSettings(), torch.device("cpu")
        )


@given(noise=st.floats(0, 0.05), seed=st.integers(0, 50))
def test_plateau_tells_falling_from_flat_despite_noise(noise: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    steps = list(range(0, 4000, 100))
    jitter = 1 + noise * random.standard_normal(len(steps))
    falling = np.exp(-np.arange(len(steps)) / 20) * jitter
    assert detect_plateau(steps, falling.tolist()).improving
    flat = np.maximum(np.exp(-np.arange(len(steps)) / 3), 0.2) * jitter
    verdict = detect_plateau(steps, flat.tolist(), tolerance=0.1)
    assert not verdict.improving and verdict.since is not None and 300 <= verdict.since <= 3000


def test_plateau_names_the_step_and_ignores_outliers() -> None:
    steps = list(range(12))
    errors = [1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]
    assert detect_plateau(steps, errors) == detect_plateau(steps, errors, 5)
    assert detect_plateau(steps, errors).since == 5
    assert str(detect_plateau(steps, errors)) == "stopped improving at step 5"
    assert detect_plateau(steps[:4], errors[:4]).improving, "too early to tell"
    assert detect_plateau([], []).improving
    slow = [1.0 * 0.97**i for i in range(20)]
    slow[3] = 0.01  # one lucky evaluation must not make everything after it look like a plateau
    assert detect_plateau(list(range(20)), slow).improving
    assert not detect_plateau(list(range(12)), [1.0 + i for i in range(12)]).improving
    assert detect_plateau(list(range(13)), [*errors, float("nan")]).since == 5


def test_guard_sees_divergence_but_not_a_hard_batch_nor_a_new_term() -> None:
    guard = NanGuard(5)
    for step in range(50):
        assert guard.find_fault({"a": 1.0 + 0.1 * (step % 2)}, 1.0) is None
    assert guard.find_fault({"a": 50.0}, 1.0) is None and not guard.is_stable
    assert guard.find_fault({"a": 1.0}, 1.0) is None and guard.is_stable
    for _ in range(MAX_STREAK):
        assert guard.find_fault({"a": 1.0, "adversary": 49.0}, 1.0) is None, "a term that joined is no divergence"
    faults = [guard.find_fault({"a": 51.0 * 51, "adversary": 49.0}, 1.0) for _ in range(MAX_STREAK)]
    assert faults[:-1] == [None] * (MAX_STREAK - 1) and "diverged" in str(faults[-1])


def test_guard_leaves_losses_around_zero_alone() -> None:
    random = np.random.default_rng(0)
    guard = NanGuard(5)
    assert all(guard.find_fault({"hinge": float(x)}, 1.0) is None for x in random.normal(0, 1, 2000))


def test_guard_slows_down_recovers_and_counts_failures_in_a_row(tmp_path: Path) -> None:
    guard = NanGuard(2)
    guard.roll_back("loss a is nan", 10, 5, tmp_path)
    guard.roll_back("loss a is nan", 12, 5, tmp_path)
    assert guard.lr_scale == 0.25 and guard.order == 2
    resumed = NanGuard(2)
    resumed.load_state(guard.state())
    with pytest.raises(NumericError, match="step 14"):
        resumed.roll_back("loss a is nan", 14, 5, tmp_path)
    for step in range(5, 5 + 2 * RECOVERY_STEPS):
        guard.record_healthy_step(step)
    assert guard.lr_scale == 1.0
    guard.roll_back("loss a is nan", 2000, 1990, tmp_path)
    assert guard.lr_scale == 0.5


def test_curve_survives_a_torn_line_new_columns_and_lost_steps(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    curve = Curve(path, 0)
    curve.add(1, 0.5, {"loss": 2.0, "l1": 2.0})
    curve.add(2, 1.0, {"loss": 1.0, "l1": 1.0, "held_out_error": 0.25})
    curve.add(3, 1.5, {"loss": 1.5, "l1": 1.0, "adversary": 0.5})
    with path.open("a") as stream:
        stream.write("4,2.0,0.1")
    assert [point.step for point in read_curve(path)] == [1, 2, 3]
    assert read_curve(path) == curve.points
    resumed = Curve(path, 2)
    assert [point.error for point in resumed.points] == [None, 0.25]
    resumed.add(3, 2.0, {"loss": 0.5, "l1": 0.5})
    assert [point.step for point in read_curve(path)] == [1, 2, 3]


def test_plot_shows_both_lines(tmp_path: Path) -> None:
    import cv2

    from effigie.training.monitor.plot import ERROR_COLOR, LOSS_COLOR

    def colors() -> set[tuple[int, ...]]:
        plot_curve(tmp_path / "curve.csv", tmp_path / "curve.png")
        picture = cv2.imread(str(tmp_path / "curve.png"))[60:460, 110:850, ::-1]
        return {tuple(pixel) for pixel in np.unique(picture.reshape(-1, 3), axis=0).tolist()}

    curve = Curve(tmp_path / "curve.csv", 0)
    assert not {LOSS_COLOR, ERROR_COLOR} & colors(), "an empty curve draws too"
    curve.add(0, 0.0, {"held_out_error": 0.5})
    for step in range(1, 40):
        curve.add(step, 6.0 * step, {"loss": 5 / step, "held_out_error": 0.5 - step / 100})
    assert {LOSS_COLOR, ERROR_COLOR} <= colors()


@given(low=st.floats(-50, 50), span=st.floats(1e-4, 1e4))
def test_ticks_are_few_round_and_inside(low: float, span: float) -> None:
    found = linear_ticks(low, low + span)
    assert 2 <= len(found) <= 8
    assert all(low - 1e-5 * span <= tick <= low + span + 1e-5 * span for tick in found)
    assert len(log_ticks(-1.0, 0.5)) == 5


@given(steps=st.lists(st.integers(0, 10**6), unique=True, max_size=80).map(sorted), limit=st.integers(2, 40))
def test_thinning_keeps_first_last_and_the_limit(steps: list[int], limit: int) -> None:
    kept = sorted(set(steps) - set(find_excess_steps(steps, limit)))
    assert len(kept) == min(len(steps), limit)
    if steps:
        assert kept[0] == steps[0] and kept[-1] == steps[-1]


def test_previews_stay_few_and_refuse_what_is_no_picture(tmp_path: Path) -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    for step in range(0, 400, 10):
        write_preview(tmp_path, step, image)
    names = sorted(path.name for path in (tmp_path / "previews").iterdir())
    assert len(names) == 32 and names[0] == "step-000000.png" and names[-1] == "step-000390.png"
    with pytest.raises(ValueError, match="float64"):
        write_preview(tmp_path, 1, np.zeros((4, 4, 3)))


def test_prefetch_repeats_from_any_step_and_stops(tmp_path: Path) -> None:
    made: list[float] = []
    one_more = threading.Semaphore(0)

    def make(step: int, order: int = 0) -> float:
        made.append(SampleKey(3, order, step, 0).random().random())
        one_more.release()
        return made[-1]

    def take(count: int, order: int = 0, first: int = 0) -> list[float]:
        stream = BatchPrefetcher(lambda step: make(step, order), first)
        batches = [stream.next() for _ in range(count)]
        stream.close()
        return batches

    whole = take(6)
    assert take(3, first=3) == whole[3:]
    assert take(6, order=1) != whole
    assert not [thread for thread in threading.enumerate() if thread.name == "effigie-batches"]
    made.clear()
    one_more = threading.Semaphore(0)
    stream = BatchPrefetcher(make, 0)
    assert all(one_more.acquire(timeout=300) for _ in range(QUEUE_SIZE + 1)), "it runs ahead"
    assert not one_more.acquire(timeout=0.2), "but not away"
    stream.close()
    assert len(made) == QUEUE_SIZE + 1


def test_batches_of_any_nesting_reach_the_device() -> None:
    batch = {"a": np.ones((2, 3), np.float32), "b": [torch.zeros(1), ("name", np.zeros(2))]}
    moved = to_device(batch, torch.device("meta"))
    assert moved["a"].device.type == moved["b"][0].device.type == moved["b"][1][1].device.type == "meta"
    assert moved["b"][1][0] == "name" and isinstance(moved["b"][1], tuple)


def test_precision_is_what_was_asked_or_what_was_measured() -> None:
    device = choose_device("cpu")
    assert choose_precision("bf16", device) == "bf16" and choose_precision("fp32", device) == "fp32"
    assert choose_precision("auto", device) in ("fp32", "bf16")
    assert choose_precision("auto", torch.device("mps")) == "fp32"


def test_bf16_trains(tmp_path: Path) -> None:
    from regression_task import Regression

    from effigie.training import train

    chosen = TrainingSettings(
        minutes=None,
        steps=150,
        learning_rate=1e-2,
        precision="bf16",
        device="cpu",
        tensorboard=False,
        ema_decay=0.9,
        threads=1,
    )
    result = train(Regression(), tmp_path, chosen)
    assert result.best_error is not None and result.best_error < 0.2
    snapshot, record = read_checkpoint(tmp_path / "training" / "step-000150.safetensors")
    assert record["precision"] == "bf16" and snapshot.tensors["network/head/weight"].dtype == torch.float32
