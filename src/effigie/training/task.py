"""The protocol between the training loop and what it trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from effigie.training.data.sample_key import SampleKey


class Task(Protocol):
    """A trainable task: its networks, the losses of one optimiser step, a held-out error, a preview.

    The loop moves ``networks()`` and every batch to the device. Frozen networks that only a loss needs stay
    the task's own: move them to the device the batch arrives on. Randomness comes from the sample keys
    of :meth:`batch` and, inside :meth:`losses`, from torch's global generator, which the loop seeds anew for
    each step: a resumed run then repeats exactly what an uninterrupted one would have done.

    Several processes may train together, each on its shard of every batch. Terms that are plain means over the
    examples need no thought. What weighs examples by a sum over the batch, takes the norm of a gradient or draws random
    numbers goes through :mod:`effigie.training.distributed`, and one process or several then do the same.

    Example::

        class Line:
            def __init__(self):
                self.line = nn.Linear(1, 1)
            def networks(self):
                return {"line": self.line}
            def parameter_groups(self):
                return [{"params": self.line.parameters()}]
            examples = parts = 16
            def batch(self, sample_keys):
                x = np.array([[key.random().uniform(-1, 1)] for key in sample_keys], np.float32)
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

    @property
    def examples(self) -> int:
        """Examples of a whole batch."""
        ...

    @property
    def parts(self) -> int:
        """Into how many equal parts a batch can be divided among processes; 1 where it cannot be."""
        ...

    def batch(self, sample_keys: Sequence[SampleKey]) -> Any:
        """The parts of a batch that belong to ``sample_keys``, in their order, on the host: tensors or arrays in any
        nesting of dicts, lists and tuples.

        Called from a background thread, one call at a time. A part depends on its key alone, so keep no position
        of your own and draw from no other generator.
        """
        ...

    def losses(self, batch: Any, step: int) -> dict[str, Tensor]:
        """Named scalar terms, already weighted; the loop sums them. Under autocast if precision is bf16."""
        ...

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Held-out figures of the (averaged) ``networks``, no gradients; ``"error"`` is what is minimised.

        ``"error_<part>"`` is a part of it, such as ``"error_eyes"``: drawn and reported beside it.
        """
        ...

    def preview(self, networks: Mapping[str, nn.Module]) -> NDArray[np.uint8]:
        """A picture ``(H, W, 3)`` RGB uint8 that shows a person how far the (averaged) ``networks`` are."""
        ...
