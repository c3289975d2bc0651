"""The rows of the bench: one question each, answered by measuring; and the material and means they share.

A row is a function of a :class:`~benchmarks.rows.row.Setting` that returns a
:class:`~benchmarks.rows.row.Result`. No figure is written down here, only what must be reached.
"""
