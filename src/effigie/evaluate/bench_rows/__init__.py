"""The rows of the bench: one question each, answered by measuring; and the material and means they share.

A row is a function of a :class:`~effigie.evaluate.bench_rows.row.Setting` that returns a
:class:`~effigie.evaluate.bench_rows.row.Result`. No figure is written down here, only what must be reached.
"""
