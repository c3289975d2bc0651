"""Benchmarks: every figure in docs/benchmarks.md, measured again by ``python -m benchmarks``. Not part of the wheel."""
