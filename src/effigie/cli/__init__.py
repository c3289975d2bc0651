"""The command line: parse, call the public functions, show progress. No logic here, and nothing imports it."""

from effigie.cli.app import main

__all__ = ["main"]
