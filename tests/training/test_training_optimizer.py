"""Tests of the optimisers: they compute what torch's do, and do not load torch's compiler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from effigie.training.optimizer import Adam, AdamW, without_compiler

# A training of three steps, interrupted and gone on with: all that effigie calls of an optimiser.
PROGRAM = """
import sys
from pathlib import Path
from pathlib import Path
from regression_task import Regression
from effigie.training import TrainingSettings, train
for steps in (2, 3):
    train(Regression(), Path(sys.argv[1]), TrainingSettings(steps=steps, device="cpu", threads=1, tensorboard=False))
print("torch._dynamo" in sys.modules)
"""


def weights_after(kind: type[torch.optim.Optimizer], steps: int, **options: object) -> list[torch.Tensor]:
    """The weights of a small network, stopped after every step and gone on with by another optimiser."""
    torch.manual_seed(3)
    network, batch = nn.Linear(5, 4), torch.randn(7, 5)
    groups = [{"params": [network.weight], "lr": 0.03}, {"params": [network.bias]}]
    optimizer = kind(groups, lr=0.1, betas=(0.8, 0.99), **options)  # type: ignore[call-arg]
    for _ in range(steps):
        optimizer.zero_grad()
        network(batch).square().mean().backward()
        optimizer.step()
        stored = optimizer.state_dict()
        optimizer = kind(groups, lr=0.1, **options)  # type: ignore[call-arg]
        optimizer.load_state_dict(stored)
    assert torch.is_grad_enabled() and all(one.requires_grad for one in network.parameters())
    return [one.detach().clone() for one in network.parameters()]


@pytest.mark.parametrize(
    ("ours", "kind", "options"),
    [
        (AdamW, torch.optim.AdamW, {"weight_decay": 0.1, "fused": True}),
        (AdamW, torch.optim.AdamW, {"weight_decay": 0.1}),
        (Adam, torch.optim.Adam, {}),
    ],
)
def test_it_computes_what_torch_does(ours, kind, options) -> None:
    mine, theirs = weights_after(ours, 6, **options), weights_after(kind, 6, **options)
    assert all(torch.equal(one, other) for one, other in zip(mine, theirs, strict=True))
    assert not torch.equal(mine[0], weights_after(ours, 1, **options)[0])


def test_a_torch_without_wrappers_is_used_as_it_is() -> None:
    class Plain(torch.optim.AdamW):
        @torch.no_grad()
        def step(self, closure=None):
            return super().step(closure)

    assert all(map(torch.equal, weights_after(without_compiler(Plain), 3), weights_after(torch.optim.AdamW, 3)))


@pytest.mark.slow
def test_training_does_not_load_the_compiler(tmp_path) -> None:
    program = [sys.executable, "-c", PROGRAM, str(tmp_path / "model")]
    ended = subprocess.run(program, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    assert ended.stdout.strip() == "False", ended.stderr
