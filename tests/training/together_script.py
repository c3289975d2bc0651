"""The script of one of several processes in tests: trains once or more, and saves each result.

Started by the tests.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from regression_task import Regression
from torch import Tensor

from effigie.errors import EffigieError
from effigie.nn.gan import DiscriminatorOutput, GanLoss
from effigie.nn.gradient_balancing import GradientBalancer
from effigie.progress import CancelToken
from effigie.training import TrainingSettings, distributed, process_group, train

RANK = int(os.environ.get("RANK", "0"))


class Layered(Regression):
    """A regression without batch norm, which several processes do not share."""

    norm = torch.nn.LayerNorm


class Contest(Layered):
    """A regression with all that depends on the whole batch: weights, an adversary, balancing, random numbers."""

    def __init__(self) -> None:
        super().__init__(noise=0.1)
        self.judge = Scores()
        self.adversary = GanLoss(self.judge, feature_weight=0.5)

    def networks(self):
        return {**super().networks(), "judge": self.judge}

    def parameter_groups(self):
        return [*super().parameter_groups(), self.adversary.parameter_group(1e-2)]

    def losses(self, batch: Any, step: int) -> dict[str, Tensor]:
        noise = distributed.draw_shard(lambda count: torch.randn(count, 1), len(batch["x"]))
        made = self.head(self.body(batch["x"])) + 0.01 * noise
        weight = batch["x"].abs() + 0.1
        known = distributed.weighted_mean((made - batch["y"]).square(), weight)
        terms = self.adversary.losses(made, batch["y"])
        balance = GradientBalancer(made, known)
        fool = balance.balance_term(terms["fool"] + terms["features"], made, 0.3)
        return {"known": known, "catch": terms["catch"], "fool": fool}


class Scores(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.first, self.last = torch.nn.Linear(1, 8), torch.nn.Linear(8, 1)

    def forward(self, picture: Tensor) -> DiscriminatorOutput:
        features = torch.tanh(self.first(picture))
        return DiscriminatorOutput(self.last(features)[:, 0], [features])


class NanOnOne(Layered):
    """Once, the loss of one process's part is no number."""

    armed = True

    def losses(self, batch: Any, step: int) -> dict[str, Tensor]:
        terms = super().losses(batch, step)
        if RANK == 1 and step == 12 and self.armed:
            self.armed = False
            terms["square"] = terms["square"] * float("nan")
        return terms

    def evaluate(self, networks):
        return {"error": 1.0}  # it does not improve


class FailsOnOne(Layered):
    def batch(self, sample_keys):
        if RANK == 1 and self.batches == 3:
            raise OSError("crop 17 cannot be read")
        return super().batch(sample_keys)


class DiesOnOne(Layered):
    def batch(self, sample_keys):
        if RANK == 1 and self.batches == 3:
            os._exit(9)
        return super().batch(sample_keys)


TASKS = {task.__name__: task for task in (Regression, Layered, Contest, NanOnOne, FailsOnOne, DiesOnOne)}
PLAIN = {
    "minutes": None,
    "learning_rate": 1e-2,
    "warm_up_steps": 5,
    "precision": "fp32",
    "device": "cpu",
    "tensorboard": False,
    "threads": 1,
}


def run(name: str, folder: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Train, and print the result."""
    cancel, stop_at = CancelToken(), settings.pop("stop_at", None)
    curve: list[list[float]] = []
    told: dict[str, Any] = {"rank": RANK, "curve": curve}
    task = TASKS[name]()

    def after(report: Any) -> None:
        curve.append([report.step, *report.terms.values()])
        if RANK == 1 and report.step == stop_at:
            cancel.set()

    try:
        # Only the first is given the folder: nobody else may need it.
        where = Path(folder if RANK == 0 else f"{folder}-none")
        result = train(task, where, TrainingSettings(**(PLAIN | settings)), cancel=cancel, callback=after)
        told |= {"steps": result.steps, "why": result.stopped_because, "notes": result.notes}
        told |= {"rows": [[point.step, point.error] for point in result.curve], "processes": result.processes}
    except (EffigieError, OSError) as error:
        told["error"] = f"{type(error).__name__}: {error}"
    told["digest"] = digest(task)
    return told


def digest(task: Regression) -> str:
    """Of all weights, to the last bit."""
    found = hashlib.sha256()
    for network in task.networks().values():
        for tensor in network.state_dict().values():
            found.update(tensor.contiguous().numpy().tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    # Whoever dies leaves no last words: nobody need wait for them as long as over a network.
    process_group.SHUTDOWN_TIMEOUT_S = float(os.environ.get("LAST_WORDS_S", process_group.SHUTDOWN_TIMEOUT_S))
    code = 0
    for task, folder, settings in json.loads(sys.argv[1]):
        outcome = run(task, folder, settings)
        Path(f"{folder}-told{RANK}.json").write_text(json.dumps(outcome))
        code = 1 if "error" in outcome else 0
    sys.exit(code)
