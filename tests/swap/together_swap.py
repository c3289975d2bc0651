"""The script of one of several processes in a test: three steps of a small swap with its adversary."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

from effigie.swap.config import SwapSettings
from effigie.swap.network import SwapNet
from effigie.swap.presets import SwapLossWeights
from effigie.swap.trainer import load_people, prepare_training
from effigie.training import TrainingSettings, train


def run(source: str, target: str, folder: str, steps: str, adversary: str = "0.5") -> dict[str, Any]:
    """Train, and print the result."""
    settings, shares = (SwapSettings(bank=8, batch=8), SwapLossWeights(adversary=float(adversary), start_step=0))
    prepared = prepare_training(load_people(source, target, settings), settings, shares=shares)
    torch.manual_seed(0)
    task = prepared.task(SwapNet(8, 1, 4, True))
    rank, curve = os.environ.get("RANK", "0"), []

    def after(report: Any) -> None:
        curve.append(report.terms)

    train(
        task,
        Path(folder if rank == "0" else f"{folder}-none"),
        TrainingSettings(steps=int(steps), device="cpu", precision="fp32", learning_rate=5e-4, tensorboard=False),
        callback=after,
    )
    networks = task.networks().values()
    weights = [sum(p.detach().double().sum().item() for p in network.parameters()) for network in networks]
    return {"curve": curve, "weights": weights}


if __name__ == "__main__":
    told = run(*sys.argv[1:])
    Path(f"{sys.argv[3]}-told{os.environ['RANK']}.json").write_text(json.dumps(told))
