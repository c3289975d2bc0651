"""Running work side by side: the same function over many pieces in processes, or stages of one stream in threads.

It knows nothing of what it runs.
"""

from effigie.scale.executor import Executor, LocalProcesses, available_cores

__all__ = ["Executor", "LocalProcesses", "available_cores"]
