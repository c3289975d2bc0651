"""Commands that wait, run and end: their words, processes and queue."""
