"""Old names of options and verbs: using one raises an error that says the new name."""

from __future__ import annotations

from collections.abc import Sequence

from effigie.errors import UsageError

OPTIONS = {
    "--colour": "--color",
    "--driver-who": "--driver-person",
    "--project": "--purpose",
    "--source-who": "--source-person",
    "--target-who": "--target-person",
    "--who": "--person",
}
OPTIONS_OF_VERBS = {("animate", "--paint"): "--renderer", ("convert", "--paint"): "--mask-clip"}
VERBS = {"bench": "python -m benchmarks"}


def refuse_old_names(arguments: Sequence[str]) -> None:
    """Refuse a command line that holds an old name; the error says the new one."""
    verb = _verb(arguments)
    if verb in VERBS:
        raise UsageError(f"`effigie {verb}` is now `{VERBS[verb]}`")
    for argument in arguments:
        if argument == "--":
            return
        name = argument.partition("=")[0]
        new = OPTIONS_OF_VERBS.get((verb, name)) or OPTIONS.get(name)
        if new is not None:
            raise UsageError(f"{name} is now {new}")


def _verb(arguments: Sequence[str]) -> str:
    """The first argument that is no option common to all verbs, and no value of one."""
    is_value = False
    for argument in arguments:
        if is_value:
            is_value = False
        elif argument in ("--progress", "--status", "--background"):
            is_value = True
        elif not argument.startswith("-"):
            return argument
    return ""
