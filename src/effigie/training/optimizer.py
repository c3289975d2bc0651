"""Optimisers of torch that do not load torch's compiler, which takes seconds and is not used here."""

from __future__ import annotations

import inspect
from typing import TypeVar

import torch

Kind = TypeVar("Kind", bound=torch.optim.Optimizer)

# What torch wraps in `torch._disable_dynamo`, which imports the compiler at the first call.
WRAPPED = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


def without_compiler(kind: type[Kind]) -> type[Kind]:
    """A subclass of a torch optimiser that computes the same and leaves `torch._dynamo` alone.

    The import costs 2 to 4 s in every process that trains. torch's wrappers only tell the compiler what to pass over;
    under them are the methods themselves. A torch without these wrappers has its methods called as they are.
    """
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in WRAPPED}
    # Of a step torch's wrapper also turns gradients off, unless the step is to be differentiable.
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return type(kind.__name__, (kind,), {**methods, "step": step, "__module__": __name__})


Adam = without_compiler(torch.optim.Adam)
AdamW = without_compiler(torch.optim.AdamW)
