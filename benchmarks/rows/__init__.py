"""Rows of the benchmark, one question each. What they share lies in benchmarks.fixtures.

A row is a function of a :class:`~benchmarks.fixtures.row.RowContext` that returns a
:class:`~benchmarks.fixtures.row.RowResult`. No figure is written down here, only what must be reached.
"""
