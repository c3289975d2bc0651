"""Parallel execution: executors (processes, Ray), jobs over lists of clips, and pipelines of threads.

Processes on this machine, or Ray's on many. It knows nothing of what it runs.
"""

from effigie.execution.executor import Executor, create_executor
from effigie.execution.processes import ProcessExecutor
from effigie.execution.worker import available_cores, report, stop_requested

__all__ = ["Executor", "ProcessExecutor", "available_cores", "create_executor", "report", "stop_requested"]
