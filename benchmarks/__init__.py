"""Benchmarks: every figure in docs/results.md, measured again by ``python -m benchmarks``. Not part of the wheel."""
