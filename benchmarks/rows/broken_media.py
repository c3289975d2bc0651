"""Row: two thousand broken media files through every command that reads media."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fixtures.broken_corpus import Recipe, create_media, recipes
from benchmarks.fixtures.broken_verbs import Task, prepare
from benchmarks.fixtures.row import RowContext, RowResult
from benchmarks.fixtures.small import ResultLog, create_small_material, isolated_home
from benchmarks.fixtures.watchdog import CallOutcome, run_watched
from effigie.evaluate.report.figures import Figure
from effigie.execution import available_cores
from effigie.progress import Progress

COUNT = 2000
QUICK_COUNT = 66
LIMIT_S = 30.0
AT_ONCE = 20  # clips in one extraction
IN_TURN = ("read", "verify", "convert", "consent", "animate", "evaluate", "paint")
"""Every file goes through one of them, and through extraction, which reads it all."""
BAD = ("traceback", "hang", "crash")


def broken_media(context: RowContext) -> RowResult:
    """Files of 17 formats broken in 18 ways, in watched processes; an error must be effigie's own, and one line."""
    work = context.work / "broken"
    with isolated_home(work / "home"):
        things = create_small_material(work, context.progress, context.cancel)
        bases = create_media(things.clips[1], work / "whole")
        tasks = tasks_for(recipes(bases, QUICK_COUNT if context.quick else COUNT))
        known = ResultLog(work / f"outcomes-{len(tasks)}.jsonl")
        outcomes: list[CallOutcome] = []
        waiting = []
        for task in tasks:  # a bench that was stopped goes on
            if (values := known.found.get(_key(task))) is not None:
                outcomes.append(CallOutcome(task, *values))
            else:
                waiting.append(task)

        def told(outcome: CallOutcome) -> None:
            known.add(_key(outcome.task), [outcome.how, outcome.said, outcome.megabytes])
            outcomes.append(outcome)
            bad = sum(one.how in BAD for one in outcomes)
            context.progress(Progress("broken", len(outcomes), len(tasks), "calls", f"{bad} bad"))

        lanes = max(1, available_cores())
        run_watched(prepare, (things, bases[0]), waiting, lanes, LIMIT_S, context.cancel, told)
    return _result(outcomes)


def _key(task: Task) -> str:
    return f"{task.verb} {task.recipes[0].seed} {len(task.recipes)}"


def tasks_for(files: Sequence[Recipe]) -> list[Task]:
    """The tasks of every file: extraction in batches, and one of the other commands in turn."""
    tasks = []
    for number, recipe in enumerate(files):
        tasks.append(Task(IN_TURN[number % len(IN_TURN)], (recipe,)))
        if (number + 1) % AT_ONCE == 0 or number + 1 == len(files):
            tasks.append(Task("extract", tuple(files[number // AT_ONCE * AT_ONCE : number + 1])))
    return tasks


def describe_outcome(outcome: CallOutcome) -> dict[str, object]:
    """JSON values with which the task can be repeated."""
    task: Task = outcome.task
    files = [f"{Path(one.base).name} {one.kind} {one.seed} {one.suffix}" for one in task.recipes]
    return {"verb": task.verb, "files": files, "how": outcome.how, "said": outcome.said}


def _result(outcomes: Sequence[CallOutcome]) -> RowResult:
    calls = collections.Counter(outcome.how for outcome in outcomes)
    files = {recipe.seed for outcome in outcomes for recipe in outcome.task.recipes}
    figures = [
        Figure("broken files", len(files)),
        Figure("calls of verbs on them", len(outcomes)),
        Figure("tracebacks, or what was left behind", calls["traceback"], at_most=0),
        Figure(f"hangs (> {LIMIT_S:.0f} s without getting on)", calls["hang"], at_most=0),
        Figure("crashes of a process", calls["crash"], at_most=0),
        Figure("most memory of a process", max(one.megabytes for one in outcomes), "MB"),
    ]
    notes = []
    for verb in ("extract", *IN_TURN):
        mine = collections.Counter(one.how for one in outcomes if one.task.verb == verb)
        notes.append(f"{verb}: {mine['done']} calls went through, {mine['refused']} were refused in one line")
    faults = [describe_outcome(one) for one in outcomes if one.how in BAD]
    refused = collections.Counter(one.said.partition(":")[0] for one in outcomes if one.how == "refused")
    return RowResult("Broken media", figures, notes=notes, details={"faults": faults, "errors": dict(refused)})
