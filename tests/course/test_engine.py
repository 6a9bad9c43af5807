"""A cell's reply is found even where the socket's wake-up was taken by what was sent on it meanwhile."""

import asyncio
import time

import papermill
import pytest
import zmq
import zmq.asyncio
from courses import make_course
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.session import Session
from papermill.engines import papermill_engines

from infotok.course.engine import engine, polling

HELD = 0.5  # seconds in which nothing else runs in the loop


async def reply_to_one_who_waits(mended: bool, patience: float):
    """A kernel's reply comes in while the loop is busy sending something on the same socket, as nbclient does."""
    context, session = zmq.asyncio.Context(), Session(key=b"")
    kernel = zmq.Context.instance().socket(zmq.ROUTER)
    port = kernel.bind_to_random_port("tcp://127.0.0.1")
    socket = context.socket(zmq.DEALER)
    socket.connect(f"tcp://127.0.0.1:{port}")
    channel = AsyncZMQSocketChannel(socket, session, asyncio.get_running_loop())
    get_msg = polling(channel.get_msg, 0.2) if mended else channel.get_msg
    try:
        channel.send(session.msg("execute_request"))
        who = kernel.recv_multipart()[0]
        waiting = asyncio.ensure_future(get_msg(timeout=None))
        await asyncio.sleep(0.1)  # it waits
        session.send(kernel, "execute_reply", ident=who)
        time.sleep(HELD)  # the reply is here, and the loop has not seen it
        channel.send(session.msg("comm_msg"))
        return await asyncio.wait_for(waiting, patience)
    finally:
        socket.close(0)
        kernel.close(0)
        context.term()


def test_a_reply_that_came_while_something_was_sent_is_found():
    assert asyncio.run(reply_to_one_who_waits(True, 10))["msg_type"] == "execute_reply"


def test_the_libraries_alone_lose_it():
    """What the engine mends; where this fails, the mend can go."""
    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(reply_to_one_who_waits(False, 2))


def test_the_engine_waits_for_no_reply_without_end(monkeypatch, tmp_path):
    asked, get_msg = set(), AsyncZMQSocketChannel.get_msg

    async def watched(self, timeout=None):
        if self.socket.type == zmq.DEALER:  # that of cells and their replies
            asked.add(timeout)
        return await get_msg(self, timeout)

    monkeypatch.setattr(AsyncZMQSocketChannel, "get_msg", watched)
    monkeypatch.setattr(papermill_engines, "_engines", {**papermill_engines._engines})
    papermill_engines.register("told", engine(lambda notebook, index: None, "too small"))
    root = make_course(tmp_path, {"01_short": ["1 + 1"]})
    (notebook,) = (root / "notebooks").glob("*.ipynb")
    done = papermill.execute_notebook(notebook, tmp_path / "done.ipynb", engine_name="told", progress_bar=False)
    assert done.cells[-1].outputs[0]["data"]["text/plain"] == "2"
    assert [cell.source for cell in done.cells].index("> too small") == 1, "a note stands under the title"
    assert asked, "replies came another way: nothing was tested"
    assert None not in asked


def test_a_timeout_that_was_asked_for_is_kept():
    asked = []

    async def get_msg(timeout):
        asked.append(timeout)
        return {}

    assert asyncio.run(polling(get_msg)(timeout=7.0)) == {}
    assert asked == [7.0]
