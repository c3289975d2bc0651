"""Tests of talking-head metrics: known answers, worse pictures score worse, and the protocol on two people."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from benchmarks.fixtures.material import FolderMaterial
from benchmarks.rows.heads import check_rows
from scipy.spatial.transform import Rotation

from effigie.assets import fetch_asset
from effigie.errors import AssetError, UsageError
from effigie.evaluate.metrics.frechet import frechet_distance
from effigie.evaluate.metrics.gaze import EyeState, compare_eyes, eye_state
from effigie.evaluate.metrics.geometry import expression_error, pose_error
from effigie.evaluate.metrics.mobilenet import MobileNetV2, PerceptualModel, load_network, perceptual_distance
from effigie.evaluate.metrics.ssim import ssim
from effigie.evaluate.protocols.heads import evaluate_heads
from effigie.evaluate.protocols.heads_config import COPIED, OURS_FF, OURS_FT, PAPER_FT, ROWS, WARPED, HeadsSettings
from effigie.evaluate.protocols.heads_metrics import PictureEvaluator
from effigie.evaluate.protocols.heads_protocol import choose_subjects, drive_subject, select_spread, split_shots
from effigie.evaluate.report.heads_table import HeadScores, HeadsTable, list_not_better
from effigie.extraction import ExtractSettings, extract
from effigie.faces.mesh import LEFT_IRIS, RIGHT_IRIS, Pose
from effigie.faces.recognizer import IdentityModel
from effigie.heads.checkpoint import Networks, save_config, save_networks
from effigie.heads.meta_learning.identity_dataset import IdentityDataset
from effigie.heads.presets import preset
from effigie.prior.frame_bank import FaceGeometry

pytestmark = pytest.mark.slow

RANDOM = np.random.default_rng(3)
START = RANDOM.bit_generator.state


@pytest.fixture(autouse=True)
def _the_same_noise_in_any_order() -> None:
    RANDOM.bit_generator.state = START


@pytest.fixture(scope="module")
def faces(woman: Path, man: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The woman and the man, crops of 128 px."""
    path = tmp_path_factory.mktemp("heads") / "two.faces"
    extract([woman, man], path, ExtractSettings(size=128, workers=1))
    return path


@pytest.fixture(scope="module")
def gallery(faces: Path) -> IdentityDataset:
    return IdentityDataset([faces])


@pytest.fixture(scope="module")
def identity() -> IdentityModel:
    return IdentityModel()


@pytest.fixture(scope="module")
def crop(gallery: IdentityDataset) -> np.ndarray:
    return gallery.shot(gallery.identities[0], 2).picture


@pytest.fixture(scope="module")
def perception() -> PerceptualModel:
    return PerceptualModel("cpu")


def model_at(folder: Path, prior: bool) -> Path:
    """An untrained pico model on disk."""
    torch.manual_seed(0)
    networks = Networks.build(preset("pico"), prior)
    save_config(folder, preset("pico"), prior, 1)
    save_networks(folder, networks.by_name())
    return folder


def worsened(picture: np.ndarray) -> list[np.ndarray]:
    """Increasingly blurred pictures."""
    return [picture, *(cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in (1, 2, 4))]


def test_features_are_of_the_stated_shapes_and_the_weights_fit() -> None:
    network = load_network(fetch_asset("mobilenet_v2"))
    seen, pooled = network(torch.zeros(2, 3, 64, 64))
    assert [tuple(layer.shape[1:]) for layer in seen] == [
        (16, 32, 32),
        (24, 16, 16),
        (32, 8, 8),
        (96, 4, 4),
        (320, 2, 2),
    ]
    assert pooled.shape == (2, 1280)
    assert sum(value.numel() for value in MobileNetV2().parameters()) == 2_223_872


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Callable, tuple]:
            return (tmp_path / "ran").touch, ()

    torch.save({"features.0.0.weight": Harm()}, tmp_path / "weights.pth")
    with pytest.raises(AssetError, match="damaged"):
        load_network(tmp_path / "weights.pth")
    assert not (tmp_path / "ran").exists()


def test_perceptual_distance_is_zero_for_the_same_and_grows_with_blur(
    perception: PerceptualModel, crop: np.ndarray
) -> None:
    seen = perception(worsened(crop))
    distances = [perceptual_distance(each, seen[0]) for each in seen]
    assert distances[0] == 0 and distances == sorted(distances) and distances[1] > 0.01
    assert all(np.allclose(layer.norm(dim=0), 1, atol=1e-4) for layer in seen[0].layers[:2])
    with pytest.raises(ValueError, match="other sizes"):
        perceptual_distance(perception([crop[:64, :64]])[0], seen[0])


def test_frechet_distance_of_known_normal_distributions() -> None:
    features = RANDOM.normal(size=(40, 200))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(features + 3, features) == pytest.approx(9 * 200)
    # Of one dimension it is the squares of the differences of mean and of deviation.
    line = RANDOM.normal(size=(500, 1))
    spread_more = 3 * (line - line.mean()) + line.mean() + 2
    assert frechet_distance(spread_more, line) == pytest.approx(4 + (2 * line.std(ddof=1)) ** 2)
    assert math.isnan(frechet_distance(features[:1], features))


def test_frechet_distance_agrees_with_the_root_of_the_product() -> None:
    from scipy.linalg import sqrtm

    a, b = RANDOM.normal(size=(60, 6)), RANDOM.normal(size=(80, 6)) @ RANDOM.normal(size=(6, 6))
    first, second = np.cov(a.T), np.cov(b.T)
    expected = (
        ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first + second) - 2 * np.trace(sqrtm(first @ second)).real
    )
    assert frechet_distance(a, b) == pytest.approx(expected)


def test_ssim_falls_with_blur_and_sees_only_the_face_where_asked(crop: np.ndarray) -> None:
    face = np.zeros(crop.shape[:2])
    face[40:90, 40:90] = 1
    found = [ssim(each, crop, face) for each in worsened(crop)]
    assert found[0] == (pytest.approx(1), pytest.approx(1))
    for each in zip(*found, strict=True):
        assert list(each) == sorted(each, reverse=True)
    elsewhere = crop.copy()
    elsewhere[:20] = 0
    whole, inside = ssim(elsewhere, crop, face)
    assert whole < 0.95 and inside == pytest.approx(1)
    assert math.isnan(ssim(crop, crop, 0 * face)[1])


def test_gaze_follows_irises_and_not_the_head(gallery: IdentityDataset) -> None:
    geometry = gallery.geometry(gallery.identities[0], 2)
    straight = eye_state(geometry.landmarks)
    aside = geometry.unposed.copy()
    aside[[*LEFT_IRIS, *RIGHT_IRIS], 0] += 0.3
    looking = eye_state(geometry.pose.apply(aside))
    assert looking.gaze[0] - straight.gaze[0] > 0.05
    assert looking.opening == pytest.approx(straight.opening)
    turned = Rotation.from_euler("z", 20, degrees=True).as_matrix() @ geometry.pose.rotation
    leaning = eye_state(Pose(turned, 2.0, np.zeros(3)).apply(geometry.unposed))
    assert leaning.gaze == pytest.approx(straight.gaze, abs=1e-6)


def test_eyes_that_do_the_same_correlate_whatever_their_size() -> None:
    def states(openings: list[float], gazes: list[float]) -> list[EyeState]:
        return [EyeState(o, np.array([g, 0.0])) for o, g in zip(openings, gazes, strict=True)]

    truth = states([0.3, 0.05, 0.3, 0.2, 0.2, 0.02], [0, 0.1, 0.2, 0, -0.2, 0.1])
    people = [0, 0, 0, 1, 1, 1]
    same = compare_eyes(truth, truth, people)
    assert (same.opening_error, same.gaze_error) == (0, 0)
    assert same.blink == pytest.approx(1) and same.gaze == pytest.approx(1)
    # Eyes of another size that move alike follow perfectly, though not without error.
    wider = [EyeState(each.opening + 0.1, each.gaze) for each in truth]
    scores = compare_eyes(wider, truth, people)
    assert scores.blink == pytest.approx(1) and scores.opening_error == pytest.approx(0.1)
    still = compare_eyes([truth[0]] * 6, truth, people)
    assert still.blink == 0 and still.gaze == 0 and still.opening_error > 0.05
    assert math.isnan(compare_eyes([], [], []).blink)
    assert math.isnan(compare_eyes(truth[:1], truth[:1], [0]).blink)


def test_expression_and_pose_are_told_apart(gallery: IdentityDataset) -> None:
    truth = gallery.geometry(gallery.identities[0], 2)
    turn = Rotation.from_euler("y", 7, degrees=True).as_matrix()
    turned = FaceGeometry.from_landmarks(Pose(turn @ truth.pose.rotation, 5.0, np.zeros(3)).apply(truth.unposed))
    assert pose_error(turned, truth) == pytest.approx(7, abs=1e-6)
    assert expression_error(turned, truth) == pytest.approx(0, abs=1e-9)
    shape = truth.unposed.copy()
    shape[[14, 87, 317], 1] -= 1.0
    open_ = FaceGeometry.from_landmarks(truth.pose.apply(shape))
    assert pose_error(open_, truth) < 0.01 and expression_error(open_, truth) > 0.0005


def test_the_truth_itself_is_perfect_and_a_blur_is_not(gallery: IdentityDataset, identity: IdentityModel) -> None:
    judge = PictureEvaluator(identity, "cpu")
    person = gallery.identities[0]
    pictures = [gallery.shot(person, index).picture for index in range(4)]
    truth = judge.measure(pictures)
    perfect = HeadScores.from_records(judge.measure_self_reenactment(0, pictures, truth), [])
    assert perfect.ssim == pytest.approx(1) and perfect.csim == pytest.approx(1, abs=1e-5)
    assert (perfect.perceptual_distance, perfect.landmarks, perfect.expression) == (0, 0, 0)
    assert perfect.pose == pytest.approx(0, abs=1e-4) and perfect.frechet == pytest.approx(0, abs=1e-6)
    assert perfect.sharpness == 1 and perfect.flicker == pytest.approx(1) and perfect.moments == 4
    assert math.isnan(perfect.to_portrait) and perfect.driven == 0
    blurred = HeadScores.from_records(
        judge.measure_self_reenactment(0, [cv2.GaussianBlur(each, (0, 0), 4) for each in pictures], truth), []
    )
    assert list_not_better(perfect, blurred) == []
    assert {"ssim", "perceptual_distance", "csim", "frechet", "landmarks", "sharpness"} <= set(
        list_not_better(blurred, perfect)
    )


def test_shots_are_apart_from_what_is_made_and_those_of_a_smaller_t_are_among_the_larger() -> None:
    calm = RANDOM.random(200)
    shots, runs = split_shots(calm, True, 32)
    frames = [frame for run in runs for frame in run]
    assert len(frames) == len(set(frames)) == 32 and {len(run) for run in runs} == {4}
    assert min(frames) - max(shots) >= 12 and len(shots) == len(set(shots)) == 32
    assert shots[0] == int(np.argmin(calm[: max(shots) + 1]))
    assert np.ptp(shots[:8]) > 100
    shots, runs = split_shots(calm[:9], True, 32)
    assert shots and runs and max(shots) < runs[0][0]
    shots, runs = split_shots(np.array([0.5, 0.1]), False, 32)
    assert (shots, runs) == ((1,), ((0,),))
    assert select_spread(3, 9) == (3, 8, 0, 5, 1, 2, 4, 6, 7)


def test_somebody_else_drives_the_portrait_from_its_own_look(gallery: IdentityDataset, identity: IdentityModel) -> None:
    first, second = choose_subjects(gallery, identity, HeadsSettings())
    portrait = gallery.shot(first.identity, first.shots[0])
    rest, moved = drive_subject(gallery, first, second, [second.shots[0], second.runs[-1][-1]])
    # The driver's own neutral frame leaves the portrait as it is, put into the middle of its crop.
    assert expression_error(rest.geometry, portrait.geometry) < 0.01
    assert rest.blendshapes == pytest.approx(portrait.blendshapes, abs=1e-6)
    assert expression_error(moved.geometry, portrait.geometry) > expression_error(rest.geometry, portrait.geometry)


def test_every_row_is_measured_and_written(faces: Path, tmp_path: Path) -> None:
    heads, bare = model_at(tmp_path / "heads", True), model_at(tmp_path / "bare", False)
    settings = dataclasses.replace(HeadsSettings((2,)).quick(), frames=4, tune_steps=2, device="cpu")
    table = evaluate_heads([faces], heads, bare, tmp_path / "out", settings)
    rows = table.scores[2]
    assert list(rows) == list(ROWS)
    assert len({(scores.moments, scores.driven) for scores in rows.values()}) == 1
    assert rows[WARPED].landmarks < rows[COPIED].landmarks and rows[OURS_FF].ssim > rows[PAPER_FT].ssim
    assert rows[COPIED].to_portrait > 0.363 > rows[COPIED].to_driver
    written = json.loads((tmp_path / "out" / "heads.json").read_text(encoding="utf-8"))
    assert written["scores"]["2"][PAPER_FT]["ssim"] == rows[PAPER_FT].ssim
    assert set(written["each"]["2"][COPIED]) == set(table.people)
    page = (tmp_path / "out" / "heads.md").read_text(encoding="utf-8")
    assert "### T = 2" in page and page.count(f"| {PAPER_FT} |") == 2
    sheet = cv2.imread(str(tmp_path / "out" / "heads.png"))
    assert sheet.shape[0] > 8 * 144 and sheet.std() > 20


def test_more_shots_help_and_those_who_have_no_more_give_what_they_have(faces: Path) -> None:
    settings = dataclasses.replace(HeadsSettings((1, 8, 32), (COPIED, WARPED)).quick(), frames=4, device="cpu")
    table = evaluate_heads([faces], settings=settings)
    one, eight, most = (table.scores[count] for count in (1, 8, 32))
    assert one[COPIED].to_portrait > 0.99
    for row in (COPIED, WARPED):
        assert eight[row].perceptual_distance < one[row].perceptual_distance
        assert eight[row].moments == one[row].moments
    assert any("fewer than 32" in note for note in table.notes)
    assert most[WARPED].moments == one[WARPED].moments


def test_a_model_of_the_other_kind_is_told_apart(faces: Path, tmp_path: Path) -> None:
    heads, bare = model_at(tmp_path / "heads", True), model_at(tmp_path / "bare", False)
    with pytest.raises(UsageError, match="give it with --bare"):
        evaluate_heads([faces], bare)
    with pytest.raises(UsageError, match="give it with --heads"):
        evaluate_heads([faces], heads, heads)
    with pytest.raises(UsageError, match="no row"):
        evaluate_heads([faces], settings=HeadsSettings(rows=(PAPER_FT,)))


@pytest.mark.parametrize(
    "wrong", [{"shots": ()}, {"shots": (8, 1)}, {"shots": (33,)}, {"rows": ("mine",)}, {"people": 0}, {"frames": 3}]
)
def test_settings_are_checked(wrong: dict) -> None:
    with pytest.raises(UsageError):
        HeadsSettings(**wrong)


def test_the_command_measures_and_complains(faces: Path, here: Callable) -> None:
    command = ("evaluate", "heads", faces, "--quick", "--rows", "source,mesh", "--shots")
    ended = here(*command, "2", "-o", "out", "--json")
    assert ended.code == 0, ended.err
    assert set(json.loads(ended.out)["scores"]["2"]) == {COPIED, WARPED}
    assert (Path("out") / "heads.png").is_file()
    wrong = here(*command, "some")
    assert wrong.code == 2 and "shots" in wrong.line()
    wrong = here("evaluate", "heads", faces, "--rows", "nonsense")
    assert wrong.code == 2 and "no row begins" in wrong.line()


def scores(good: float) -> HeadScores:
    """Every metric the better, the greater ``good``, which is from 0 to 1."""
    names = [field.name for field in dataclasses.fields(HeadScores)]
    high = {"ssim", "ssim_face", "csim", "blink", "gaze", "sharpness", "to_portrait"}
    return HeadScores(**{name: good if name in high else 1 - good for name in names})


def test_the_bench_says_which_row_is_better_and_by_how_many_metrics() -> None:
    table = HeadsTable(
        {
            1: {WARPED: scores(0.6), OURS_FF: scores(0.8), OURS_FT: scores(0.79)},
            32: {WARPED: scores(0.7), OURS_FF: scores(0.85), OURS_FT: scores(0.9)},
        },
        ["a"],
    )
    assert all(figure.is_reached for figure in check_rows(table))
    table.scores[32][OURS_FT] = dataclasses.replace(scores(0.9), csim=0.69)
    missed = {figure.name: figure.value for figure in check_rows(table) if not figure.is_reached}
    assert missed == {
        "T = 32: metrics in which ours FT is not better than mesh prior alone": 1,
        "ours FT: metrics not better at T = 32 than at 1": 1,
        "T = 32: metrics in which FT is not better than FF": 1,
    }


def test_nobody_is_both_learned_from_and_measured(tmp_path: Path) -> None:
    for folder, names in (("clips", ()), ("portraits/london", [f"L{n:03d}_{k}.jpg" for n in range(102) for k in "ab"])):
        (tmp_path / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / folder / name).touch()
    people = ["openav_A", "openav_B", "pexels_woman", "none", "a+b", "grid_s1"]
    lines = ["file\tperson", *(f"{number}.mp4\t{person}" for number, person in enumerate(people))]
    (tmp_path / "clips.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = FolderMaterial(tmp_path, tmp_path).heads()
    assert [path.name for path in found.films] == ["1.mp4", "5.mp4"]
    assert [path.name for path in found.held_out_films] == ["0.mp4", "2.mp4"]
    learned, kept = ({path.name[:4] for path in paths} for paths in (found.stills, found.held_out_stills))
    assert (len(learned), len(kept), learned & kept) == (90, 12, set())
    assert min(kept) == "L003" and len(found.held_out_stills) == 24
