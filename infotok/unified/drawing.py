"""Drawing of batches during training: one step ahead, where the source asks for it.

A source with `prefetch = True`, such as an `ImageTextWorld` with workers, reads and decodes files. The batch of step
i + 1 is then drawn in a thread while step i computes, which needs a free core to save time. Since a batch depends on
the seed and its step alone, this changes no number of a run.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from infotok.errors import require_instance

__all__ = ["drawing_ahead", "prefetches"]


def prefetches(source: Any) -> bool:
    """Whether the batches of a source are to be drawn ahead: its attribute `prefetch`, False where it has none."""
    asked = getattr(source, "prefetch", False)
    require_instance("source.prefetch", asked, bool)
    return asked


@contextmanager
def drawing_ahead(draw: Callable[[int], Any], stop: int, ahead: bool) -> Iterator[Callable[[int], Any]]:
    """A function that returns the batch of a step; called for one step after the other, up to `stop` - 1.

    An error of a draw is raised when its step is asked for, so that all steps before are finished and saved. The thread
    has ended when the block ends, for whatever reason.

    draw: returns the batch of a step, whatever the thread that calls it.
    stop: the first step that is not drawn.
    ahead: whether the next step's batch is drawn in a thread after each call; otherwise this is `draw` itself.
    """
    if not ahead:
        yield draw
        return
    drawn: dict[int, Future[Any]] = {}  # at most one: a second would hold memory and save no time
    pool = ThreadPoolExecutor(1, "infotok-batches")

    def batch_of(step: int) -> Any:
        batch = drawn.pop(step).result() if step in drawn else draw(step)
        if step + 1 < stop:
            drawn[step + 1] = pool.submit(draw, step + 1)
        return batch

    try:
        yield batch_of
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
