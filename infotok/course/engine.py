"""papermill's engine for notebooks, mended in one place, and told where it is.

nbclient waits for a cell's reply on the socket by which, meanwhile, it answers a widget that captures output
(nbclient issue 312). Such an answer takes the wake-up of what has just come in, so a reply that arrives in that moment
would be waited for without end. `Client` therefore looks at the socket again every second.
"""

from collections.abc import Callable
from queue import Empty
from typing import Any

from jupyter_core.utils import run_sync
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine
from papermill.log import logger

__all__ = ["engine"]

LOOK = 1.0  # seconds between two looks at the socket
START = 60  # seconds that a kernel may take to start


def looking_again(get_msg: Callable, every: float = LOOK) -> Callable:
    """`get_msg` of an asynchronous channel, which without a timeout polls anew `every` so many seconds."""

    async def get(timeout: float | None = None) -> dict[str, Any]:
        while timeout is None:
            try:
                return await get_msg(timeout=every)
            except Empty:
                continue
        return await get_msg(timeout=timeout)

    return get


class Client(PapermillNotebookClient):
    async def async_start_new_kernel_client(self):
        client = await super().async_start_new_kernel_client()
        client.shell_channel.get_msg = looking_again(client.shell_channel.get_msg)
        return client

    start_new_kernel_client = run_sync(async_start_new_kernel_client)  # papermill calls this one


def engine(begins: Callable[[Any, int], None]) -> type[Engine]:
    """An engine that calls begins(notebook, index) before each code cell."""

    class Told(Engine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
            start = nb_man.cell_start

            def cell_start(cell, cell_index=None, **inner):
                if cell.cell_type == "code":
                    begins(nb_man.nb, cell_index)
                return start(cell, cell_index, **inner)

            nb_man.cell_start = cell_start
            return Client(nb_man, kernel_name=kernel_name, timeout=None, startup_timeout=START, log=logger).execute()

    return Told
