"""papermill's engine for notebooks, with a fix for a hang, a call before each cell and a note under the title.

nbclient waits for the reply of a cell on a socket. If a widget of the cell captures output, nbclient answers it on the
same socket (nbclient issue 312), which can lose the notice of a reply that arrives at that moment, and the wait never
ends. `Client` therefore polls the socket again every second.
"""

from collections.abc import Callable
from queue import Empty
from typing import Any

import nbformat
from jupyter_core.utils import run_sync
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine
from papermill.log import logger

from infotok.course.profiles import NOTE_ID

__all__ = ["engine"]

POLL = 1.0  # seconds between two polls of the socket
START = 60  # seconds that a kernel may take to start


def polling(get_msg: Callable, every: float = POLL) -> Callable:
    """`get_msg` of an asynchronous channel; without a timeout it polls again every `every` seconds."""

    async def get(timeout: float | None = None) -> dict[str, Any]:
        while timeout is None:
            try:
                return await get_msg(timeout=every)
            except Empty:
                continue
        return await get_msg(timeout=timeout)

    return get


class Client(PapermillNotebookClient):
    """A notebook client that polls for the kernel's replies as well as waiting for them."""

    async def async_start_new_kernel_client(self):
        client = await super().async_start_new_kernel_client()
        client.shell_channel.get_msg = polling(client.shell_channel.get_msg)
        return client

    start_new_kernel_client = run_sync(async_start_new_kernel_client)  # papermill calls this one


def engine(begins: Callable[[Any, int], None], note: str = "") -> type[Engine]:
    """An engine that calls begins(notebook, index) before each code cell.

    Args:
        begins: is told of each code cell.
        note: stands as a cell of its own under the executed notebook's first cell; "" for none.
    """

    class Infotok(Engine):
        @classmethod
        def execute_notebook(cls, nb, kernel_name, **kwargs):
            if note:  # before papermill gives each cell its metadata
                nb.cells.insert(1, nbformat.v4.new_markdown_cell(f"> {note}", id=NOTE_ID))
            return super().execute_notebook(nb, kernel_name, **kwargs)

        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
            start = nb_man.cell_start

            def cell_start(cell, cell_index=None, **inner):
                if cell.cell_type == "code":
                    begins(nb_man.nb, cell_index)
                return start(cell, cell_index, **inner)

            nb_man.cell_start = cell_start
            return Client(nb_man, kernel_name=kernel_name, timeout=None, startup_timeout=START, log=logger).execute()

    return Infotok
