"""Filters faces by an expression such as ``sharpness > 20 and abs(yaw) < 30``, without ever running code.

The expression is parsed by Python's own grammar and then interpreted here, node by node. Anything but
comparisons, and/or/not, numbers, strings, ``abs`` and the names of
:data:`~effigie.faceset.measures.MEASURES` is refused.
"""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from effigie.errors import UsageError
from effigie.faceset.columns import Faces
from effigie.faceset.measures import MEASURES, get_measure

MAX_LENGTH = 2000
MAX_DEPTH = 50

COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class Filter:
    """A parsed filter expression; call it with faces, which hold ``columns``.

    Raises:
        UsageError: it is not such an expression; the message names the offending piece.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        if not self.text or len(self.text) > MAX_LENGTH:
            example = "sharpness > 20 and abs(yaw) < 30"
            raise UsageError(f"a filter has 1 to {MAX_LENGTH} characters, for example: {example}")
        try:
            self._tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else error
            raise UsageError(f"cannot read the filter {self.text!r}: {reason}") from None
        self._names: set[str] = set()
        if self._check(self._tree, 0) != "truth":
            raise UsageError(f"the filter {self.text!r} is no yes or no: compare something, as in sharpness > 20")
        self.columns = tuple(sorted({column for name in self._names for column in MEASURES[name].columns}))

    def __call__(self, faces: Faces) -> np.ndarray:
        """(N,) bool, true where a face is chosen."""
        values = {name: MEASURES[name].compute(faces) for name in self._names}
        return np.broadcast_to(np.asarray(self._evaluate(self._tree, values), bool), (len(faces),)).copy()

    def _check(self, node: ast.expr, depth: int) -> str:
        """The kind of a node's value: truth, number or text; refuses whatever is not allowed."""
        if depth > MAX_DEPTH:
            raise UsageError("the filter is nested too deeply")
        match node:
            case ast.BoolOp(values=values):
                return self._expect("truth", values, depth)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._expect("truth", [operand], depth)
            case (
                ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand)
                | ast.Call(func=ast.Name(id="abs"), args=[operand], keywords=[])
            ):
                return self._expect("number", [operand], depth)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self._check_comparison(node, [left, *comparators], ops, depth)
            case ast.Name(id=name):
                get_measure(name)
                self._names.add(name)
                return "text" if name == "clip" else "number"
            case ast.Constant(value=str()):
                return "text"
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                try:
                    float(value)
                except OverflowError:
                    raise UsageError("a number in the filter is too large") from None
                return "number"
        raise UsageError(f"not allowed in a filter: {self._source_text(node)!r}")

    def _check_comparison(self, node: ast.expr, operands: list[ast.expr], ops: list[ast.cmpop], depth: int) -> str:
        kinds = {self._check(operand, depth + 1) for operand in operands}
        allowed = all(type(op) in COMPARISONS for op in ops)
        if kinds == {"text"}:
            allowed = all(isinstance(op, ast.Eq | ast.NotEq) for op in ops)
        if not allowed or len(kinds) != 1 or kinds == {"truth"}:
            raise UsageError(f"cannot compare so in a filter: {self._source_text(node)!r}")
        return "truth"

    def _expect(self, kind: str, nodes: list[ast.expr], depth: int) -> str:
        for node in nodes:
            if self._check(node, depth + 1) != kind:
                raise UsageError(f"in a filter, {self._source_text(node)!r} should be a {kind}")
        return kind

    def _source_text(self, node: ast.expr) -> str:
        return ast.get_source_segment(self.text, node) or self.text

    def _evaluate(self, node: ast.expr, values: dict[str, np.ndarray]) -> Any:
        match node:
            case ast.BoolOp(op=conjunction, values=parts):
                join = np.logical_and if isinstance(conjunction, ast.And) else np.logical_or
                return functools.reduce(join, (self._evaluate(part, values) for part in parts))
            case ast.UnaryOp(op=sign, operand=operand):
                value = np.asarray(self._evaluate(operand, values))
                if isinstance(sign, ast.Not):
                    return np.logical_not(value)
                return -value if isinstance(sign, ast.USub) else value
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                operands = [self._evaluate(operand, values) for operand in (left, *comparators)]
                result: Any = True
                for op, first, second in zip(ops, operands, operands[1:], strict=False):
                    result = np.logical_and(result, COMPARISONS[type(op)](first, second))
                return result
            case ast.Call(args=[argument]):
                return np.abs(np.asarray(self._evaluate(argument, values)))
            case ast.Name(id=name):
                return values[name]
            case ast.Constant(value=str() as text):
                return text
            case ast.Constant(value=int() | float() as number):
                return float(number)
        raise AssertionError(node)
