"""What the loop asks of the thing it trains, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn


class Task(Protocol):
    """What the loop trains: its networks, the losses of one optimiser step, a held-out error, a preview.

    The loop moves ``networks()`` and every batch to the device. Frozen networks that only a loss needs stay
    the task's own: move them to the device the batch arrives on. Randomness comes from the generator handed
    to :meth:`batch` and, inside :meth:`losses`, from torch's global generator, which the loop seeds anew for
    each step: a resumed run then repeats exactly what an uninterrupted one would have done.

    Example::

        class Line:
            def __init__(self):
                self.line = nn.Linear(1, 1)
            def networks(self):
                return {"line": self.line}
            def parameter_groups(self):
                return [{"params": self.line.parameters()}]
            def batch(self, random):
                x = random.uniform(-1, 1, (16, 1)).astype(np.float32)
                return {"x": x, "y": 3 * x}
            def losses(self, batch, step):
                return {"l1": (self.line(batch["x"]) - batch["y"]).abs().mean()}
            def evaluate(self, networks):
                return {"error": abs(networks["line"].weight.item() - 3)}
            def preview(self, networks):
                return np.zeros((64, 64, 3), np.uint8)

        train(Line(), Path("model"), TrainingSettings(minutes=1))
    """

    def networks(self) -> Mapping[str, nn.Module]:
        """Every network that is trained, saved and averaged, by name (letters, digits, ``_`` and ``-``)."""
        ...

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups for the optimiser: ``{"params": ...}``, and ``lr`` or ``weight_decay`` where they differ.

        Asked for once, after the networks are on the device. Every parameter belongs to one of the networks.
        """
        ...

    def batch(self, random: np.random.Generator) -> Any:
        """A batch on the host: tensors or arrays in any nesting of dicts, lists and tuples.

        Called from a background thread, one call at a time. It depends on ``random`` alone, which is a
        function of seed and step, so keep no position of your own and draw from no other generator.
        """
        ...

    def losses(self, batch: Any, step: int) -> dict[str, Tensor]:
        """Named scalar terms, already weighted; the loop sums them. Under autocast if precision is bf16."""
        ...

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Held-out figures of the (averaged) ``networks``, no gradients; ``"error"`` is what is minimised.

        ``"error_<part>"`` is a part of it, such as ``"error_eyes"``: drawn and told beside it.
        """
        ...

    def preview(self, networks: Mapping[str, nn.Module]) -> NDArray[np.uint8]:
        """A picture ``(H, W, 3)`` RGB uint8 that shows a person how far the (averaged) ``networks`` are."""
        ...
