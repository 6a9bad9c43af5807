"""Processor time of importing the package and of starting a Jupyter kernel, each in fresh processes that take turns.

- `import_seconds`  of statements such as `import torch`
- `kernel_seconds`  of a kernel from its start to its first reply, bare and after statements
- `start_ratios`    both for this package, as rows of a table of ratios

Each process reads its own clock, so that other processes on the machine disturb the numbers least. Import what is
timed once before: Python compiles a module at its first import.
"""

import subprocess
import sys
from collections.abc import Sequence

from infotok.errors import require, require_int
from infotok.experiments.throughput import time_ratio
from infotok.optional import needs

__all__ = ["import_seconds", "kernel_seconds", "start_ratios"]

BARE = "bare kernel"
TORCH, PACKAGE, CLASS = "import torch", "import infotok", "from infotok.bottleneck import InfoTok"
PATIENCE = 300  # seconds of the clock that one process may take on a busy machine
CLOCK = "__import__('time').process_time()"


def import_seconds(statements: Sequence[str], repetitions: int) -> dict[str, list[float]]:
    """Processor seconds of each statement, once for each repetition: {statement: (repetitions,)}.

    The start of Python is not counted. The statements take turns, each in a fresh process.

    Args:
        statements: lines of Python, such as "import torch".
        repetitions: processes for each statement.

    Raises:
        ValueError: for no statement, or for fewer repetitions than one.
        RuntimeError: for a statement that fails, with the last line of its error.

    Example:
        >>> from infotok.experiments.startup import import_seconds
        >>> seconds = import_seconds(["import infotok", "import decimal"], repetitions=2)
        >>> [len(taken) for taken in seconds.values()]
        [2, 2]
    """
    require(len(statements) > 0, "statements", statements, "one or more"), require_int("repetitions", repetitions)
    return {
        name: list(taken)
        for name, *taken in zip(
            statements, *([_of_import(each) for each in statements] for _ in range(repetitions)), strict=True
        )
    }


def _of_import(statement: str) -> float:
    code = f"start = {CLOCK}\n{statement}\nprint({CLOCK} - start)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    if ended.returncode:
        raise RuntimeError(f"{statement}: {ended.stderr.strip().splitlines()[-1]}")
    return float(ended.stdout.splitlines()[-1])


def kernel_seconds(statements: Sequence[str], repetitions: int) -> dict[str, list[float]]:
    """Processor seconds of a Jupyter kernel from its start to its first reply, bare and with each statement.

    Returns {"bare kernel": (repetitions,), statement: (repetitions,), ...}; the kernels take turns.

    Args:
        statements: lines of Python that a kernel runs before it replies, such as "import infotok".
        repetitions: kernels for each.

    Raises:
        ValueError: for fewer repetitions than one.
        RuntimeError: for a statement that fails, with its error.

    Example:
        >>> from infotok.experiments.startup import kernel_seconds
        >>> [*kernel_seconds(["import infotok"], repetitions=1)]
        ['bare kernel', 'import infotok']
    """
    require_int("repetitions", repetitions)
    code = {BARE: "1 + 1", **{statement: statement for statement in statements}}
    seconds: dict[str, list[float]] = {name: [] for name in code}
    for _ in range(repetitions):
        for name, taken in seconds.items():
            taken.append(_of_kernel(code[name]))
    return seconds


def _of_kernel(statement: str) -> float:
    with needs("notebooks", "kernel_seconds"):
        from jupyter_client.manager import start_new_kernel
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=PATIENCE, stderr=subprocess.DEVNULL)
    try:
        reply = client.execute_interactive(
            statement, user_expressions={"clock": CLOCK}, output_hook=lambda message: None, timeout=PATIENCE
        )["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["status"] != "ok":
        raise RuntimeError(f"{statement}: {reply['ename']}: {reply['evalue']}")
    return float(reply["user_expressions"]["clock"]["data"]["text/plain"])


def start_ratios(repetitions: int) -> list[tuple[str, str, float, float, float, bool]]:
    """Time of another start over the time of this package's: rows (task, name, ratio, lowest, highest, is a library).

    `import torch` over `import infotok`, which imports no library, and over the import of `InfoTok`, which includes
    torch; a bare Jupyter kernel over one that has run `import infotok`.

    Args:
        repetitions: fresh processes of each; the ratio is the median over them, beside the smallest and the largest.

    Raises:
        ValueError: for fewer repetitions than one.

    Example:
        >>> from infotok.experiments.startup import start_ratios
        >>> [(task, name) for task, name, *_ in start_ratios(repetitions=1)][0]
        ('import infotok', 'import torch')
    """
    imports, kernels = import_seconds([TORCH, PACKAGE, CLASS], repetitions), kernel_seconds([PACKAGE], repetitions)
    rows = [(task, TORCH, *time_ratio(imports[TORCH], imports[task]).values(), True) for task in (PACKAGE, CLASS)]
    bare = time_ratio(kernels[BARE], kernels[PACKAGE]).values()
    return [*rows, (f"kernel with {PACKAGE}", BARE, *bare, False)]
