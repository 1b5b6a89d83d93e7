"""Real sources with nothing mocked: sockets on loopback, pipes, processes, threads, a Redis server.

What docs/sources.md says of each is proved here. The first tests are the same for all of them; the
others are of one kind each: how it ends, what it loses, what must not be done with it. They run on
the real clock, because the other end of most of these sources does.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import itertools
import os
import queue
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, ParamSpec

import aiohttp
import anyio
import janus
import pytest
import redis.asyncio as redis
from add_reader import Readable
from aiohttp import web
from fakeredis import TcpFakeServer
from redis.asyncio.client import PubSub
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConcurrencyError, ConnectionClosedError, ConnectionClosedOK

from multi_await import (
    NothingToAwait,
    SourceLike,
    Wake,
    each,
    every,
    inline,
    multi_await,
    once,
)
from tests.conftest import new_loop
from tests.machinery.tools import steps

P = ParamSpec("P")
MESSAGES = [f"message {number:02}" for number in range(30)]


def on_the_real_clock(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test on such a loop: it must not hang, leave a task or report a failure."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        reported: list[dict[str, Any]] = []

        async def guarded() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: reported.append(context))
            async with asyncio.timeout(10):
                await test(*args, **kwargs)
            assert asyncio.all_tasks() == {asyncio.current_task()}, "tasks are left"

        with asyncio.Runner(loop_factory=lambda: new_loop(real_clock=True)) as runner:
            runner.run(guarded())
        gc.collect()
        assert reported == []

    return run


# -- both ends of each kind ------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def tcp() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Our reader, and the writer of the other end."""
    accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    async with await asyncio.start_server(
        lambda _, theirs: accepted.set_result(theirs), "127.0.0.1", 0
    ) as server:
        reader, ours = await asyncio.open_connection(*server.sockets[0].getsockname())
        theirs = await accepted
        try:
            yield reader, theirs
        finally:
            for writer in (ours, theirs):
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()


@contextlib.asynccontextmanager
async def python(program: str) -> AsyncIterator[Process]:
    """A process, which does not outlive the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-ISc", program, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@contextlib.asynccontextmanager
async def websocket(
    close_timeout: float = 10,
) -> AsyncIterator[tuple[ClientConnection, ServerConnection]]:
    """Both ends of a connection of the websockets package."""
    accepted: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

    async def handler(connection: ServerConnection) -> None:
        accepted.set_result(connection)
        await connection.wait_closed()

    async with serve(handler, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        address = f"ws://127.0.0.1:{port}"
        async with connect(address, proxy=None, close_timeout=close_timeout) as connection:
            yield connection, await accepted


class BreakableWebSocket(web.WebSocketResponse):
    """The server's end, with the transport that it lives on."""

    transport: asyncio.Transport | None = None


@contextlib.asynccontextmanager
async def aiohttp_websocket() -> AsyncIterator[
    tuple[aiohttp.ClientWebSocketResponse, BreakableWebSocket]
]:
    """Both ends of a WebSocket of aiohttp."""
    accepted: asyncio.Future[BreakableWebSocket] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def handler(request: web.Request) -> BreakableWebSocket:
        theirs = BreakableWebSocket()
        await theirs.prepare(request)
        theirs.transport = request.transport
        accepted.set_result(theirs)
        await done.wait()
        return theirs

    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address = "http://{}:{}".format(*runner.addresses[0])
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as ours:
            try:
                yield ours, await accepted
            finally:
                done.set()
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def redis_subscription() -> AsyncIterator[tuple[PubSub, redis.Redis]]:
    """A subscription to the channel "news", and a client that publishes."""
    server = TcpFakeServer(("127.0.0.1", 0))
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        async with (
            redis.Redis(port=server.server_address[1], decode_responses=True) as client,
            client.pubsub(ignore_subscribe_messages=True) as subscription,
        ):
            await subscription.subscribe("news")
            yield subscription, client
    finally:
        await asyncio.to_thread(server.shutdown)
        serving.join()
        server.server_close()


# -- what is the same for all ----------------------------------------------------------------------


@dataclass
class Feed:
    """A source, and how to feed it."""

    source: SourceLike[Any]
    send: Callable[[str], Awaitable[object]]
    text: Callable[[Any], str]  # of a value
    rest: Callable[[], Awaitable[Any]]  # the next value, when the block has ended
    runs_ahead: bool = True


Kind = Callable[[], contextlib.AbstractAsyncContextManager[Feed]]
KINDS: list[Any] = []
LOSES_NOTHING: list[Any] = []


def kind(
    *marks: pytest.MarkDecorator, loses_nothing: bool = True
) -> Callable[[Callable[..., AsyncIterator[Feed]]], None]:
    """Add a kind of source to those that the tests of this section run with."""

    def add(function: Callable[..., AsyncIterator[Feed]]) -> None:
        make = contextlib.asynccontextmanager(function)
        parameter = pytest.param(make, id=function.__name__, marks=marks)
        KINDS.append(parameter)
        if loses_nothing:
            LOSES_NOTHING.append(parameter)

    return add


def from_a_thread(send: Callable[[str], object]) -> Callable[[str], Awaitable[None]]:
    async def sent(message: str) -> None:
        await asyncio.to_thread(send, message)

    return sent


def line_text(value: bytes) -> str:
    return value.decode().rstrip("\n")


@kind()
async def tcp_readline() -> AsyncIterator[Feed]:
    async with tcp() as (reader, theirs):
        yield lines_of(reader.readline, reader, theirs)


@kind()
async def tcp_each() -> AsyncIterator[Feed]:
    async with tcp() as (reader, theirs):
        yield lines_of(each(reader), reader, theirs)


@kind()
async def subprocess_each() -> AsyncIterator[Feed]:
    async with python(
        "import sys; [print(line, end='', flush=True) for line in sys.stdin]"
    ) as echo:
        assert echo.stdout is not None
        assert echo.stdin is not None
        yield lines_of(each(echo.stdout), echo.stdout, echo.stdin)


def lines_of(
    source: SourceLike[bytes], reader: asyncio.StreamReader, theirs: asyncio.StreamWriter
) -> Feed:
    async def send_in_parts(message: str) -> None:
        for part in (message[:3], message[3:], "\n"):
            theirs.write(part.encode())
            await theirs.drain()
            await asyncio.sleep(0)

    return Feed(source, send_in_parts, line_text, reader.readline, runs_ahead=False)


@kind()
async def websockets_recv() -> AsyncIterator[Feed]:
    async with websocket() as (ours, theirs):
        yield Feed(ours.recv, theirs.send, str, ours.recv)


@kind()
async def websockets_each() -> AsyncIterator[Feed]:
    async with websocket() as (ours, theirs):
        yield Feed(each(ours), theirs.send, str, ours.recv)


@kind()
async def aiohttp_receive() -> AsyncIterator[Feed]:
    async with aiohttp_websocket() as (ours, theirs):
        yield Feed(ours.receive, theirs.send_str, lambda message: str(message.data), ours.receive)


@kind()
async def aiohttp_each() -> AsyncIterator[Feed]:
    async with aiohttp_websocket() as (ours, theirs):
        yield Feed(each(ours), theirs.send_str, lambda message: str(message.data), ours.receive)


@kind(loses_nothing=False)
async def to_thread() -> AsyncIterator[Feed]:
    items: queue.SimpleQueue[str] = queue.SimpleQueue()
    get = functools.partial(asyncio.to_thread, items.get)
    try:
        yield Feed(get, from_a_thread(items.put), str, get)
    finally:
        items.put("for the thread that still waits")


@kind()
async def call_soon_threadsafe() -> AsyncIterator[Feed]:
    items: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    send = from_a_thread(lambda item: loop.call_soon_threadsafe(items.put_nowait, item))
    yield Feed(items.get, send, str, items.get, runs_ahead=False)


@kind()
async def janus_get() -> AsyncIterator[Feed]:
    async with contextlib.aclosing(janus.Queue[str]()) as items:
        send = from_a_thread(items.sync_q.put)
        yield Feed(items.async_q.get, send, str, items.async_q.get)


@kind()
async def janus_get_inline() -> AsyncIterator[Feed]:
    async with contextlib.aclosing(janus.Queue[str]()) as items:
        send = from_a_thread(items.sync_q.put)
        yield Feed(inline(items.async_q.get), send, str, items.async_q.get, runs_ahead=False)


@kind()
async def anyio_receive() -> AsyncIterator[Feed]:
    theirs, ours = anyio.create_memory_object_stream[str](len(MESSAGES))
    async with theirs, ours:
        yield Feed(ours.receive, theirs.send, str, ours.receive)


@kind()
async def anyio_each() -> AsyncIterator[Feed]:
    theirs, ours = anyio.create_memory_object_stream[str](len(MESSAGES))
    async with theirs, ours:
        yield Feed(each(ours), theirs.send, str, ours.receive)


needs_pipes = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows can't wait for a pipe by add_reader"
)
needs_redis = pytest.mark.skipif(
    sys.platform == "win32", reason="fakeredis needs fcntl to send what it was not asked for"
)


@kind(needs_pipes)
async def add_reader() -> AsyncIterator[Feed]:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    read = functools.partial(os.read, ours, len(MESSAGES[0]))

    async def send(message: str) -> None:
        os.write(theirs, message.encode())

    async def rest() -> bytes:
        return read()

    try:
        yield Feed(Readable(ours, read), send, line_text, rest, runs_ahead=False)
    finally:
        os.close(ours)
        os.close(theirs)


@kind(needs_redis)
async def redis_listen() -> AsyncIterator[Feed]:
    async with redis_subscription() as (subscription, client):
        yield Feed(
            each(subscription.listen()),
            functools.partial(client.publish, "news"),
            lambda message: str(message["data"]),
            functools.partial(subscription.get_message, timeout=5),
        )


async def take(m: Any, *enough: int) -> tuple[list[list[Any]], int]:
    """Take events until each position has had enough; of three calls, two have little patience.

    Returns the values by position, and how many calls were timed out.
    """
    values: list[list[Any]] = [[] for _ in enough]
    timed_out = 0
    patience = itertools.cycle([0, 0.001, None])
    while any(len(had) < wanted for had, wanted in zip(values, enough, strict=True)):
        try:
            async with asyncio.timeout(next(patience)):
                position, value = await m.select()
        except TimeoutError:
            timed_out += 1
        else:
            values[position].append(value)
    return values, timed_out


@pytest.mark.parametrize("kind", KINDS)
@on_the_real_clock
async def test_each_message_comes_once_and_in_order_next_to_ticks_whatever_is_timed_out(
    kind: Kind,
) -> None:
    async with kind() as feed, multi_await(feed.source, every(0.001)) as m:

        async def send_all() -> None:
            for message in MESSAGES:
                await feed.send(message)

        async with asyncio.TaskGroup() as sending:
            sending.create_task(send_all())
            (received, ticks), timed_out = await take(m, len(MESSAGES), 5)
        assert [feed.text(value) for value in received] == MESSAGES
        assert sum(ticks) >= 5
        assert timed_out > 0


@pytest.mark.parametrize("kind", LOSES_NOTHING)
@on_the_real_clock
async def test_what_was_not_delivered_at_the_end_is_in_undelivered_or_still_in_the_source(
    kind: Kind,
) -> None:
    async with kind() as feed:
        async with multi_await(feed.source, every(0.001)) as m:
            for message in MESSAGES[:10]:
                await feed.send(message)
            (received, _), _ = await take(m, 4, 3)
        assert feed.runs_ahead or m.undelivered == ()
        received += [value for _, value in m.undelivered]
        while len(received) < 10:
            received.append(await feed.rest())
        assert [feed.text(value) for value in received] == MESSAGES[:10]


# -- streams and processes -------------------------------------------------------------------------


@on_the_real_clock
async def test_readline_gives_empty_lines_for_ever_at_the_end_of_a_stream() -> None:
    async with tcp() as (reader, theirs), multi_await(reader.readline) as m:
        theirs.write(b"the last line, without an end")
        theirs.close()
        lines = [(await m.select())[1] for _ in range(4)]
        assert lines == [b"the last line, without an end", b"", b"", b""]


@on_the_real_clock
async def test_each_ends_at_the_end_of_a_stream() -> None:
    async with tcp() as (reader, theirs), multi_await(each(reader)) as m:
        theirs.write(b"one\nthe last line, without an end")
        theirs.close()
        assert [line async for _, line in m] == [b"one\n", b"the last line, without an end"]


@on_the_real_clock
async def test_a_line_over_the_streams_limit_is_a_failure_and_lost_and_the_next_line_comes() -> (
    None
):
    reader = asyncio.StreamReader(limit=10)
    reader.feed_data(b"a line of more than ten bytes\nnext\n")
    async with multi_await(reader.readline) as m:
        with pytest.raises(ValueError, match="longer than limit"):
            await m.select()
        assert await m.select() == (0, b"next\n")


@on_the_real_clock
async def test_a_long_line_that_is_not_all_there_fails_and_its_rest_comes_as_a_line() -> None:
    reader = asyncio.StreamReader(limit=10)
    reader.feed_data(b"a line of more than ten")
    async with multi_await(reader.readline) as m:
        with pytest.raises(ValueError, match="exceed the limit"):
            await m.select()
        reader.feed_data(b" bytes\n")
        assert await m.select() == (0, b" bytes\n")


@on_the_real_clock
async def test_a_stream_that_is_a_source_can_be_read_nowhere_else_while_the_source_waits() -> None:
    async with tcp() as (reader, theirs), multi_await(reader.readline) as m:
        assert m.select_nowait() is None
        with pytest.raises(RuntimeError, match="another coroutine is already waiting"):
            await reader.read(1)
        theirs.write(b"ours\n")
        assert await m.select() == (0, b"ours\n")
        theirs.write(b"theirs\n")
        assert await reader.readline() == b"theirs\n"


@on_the_real_clock
async def test_reading_a_stream_to_its_end_loses_what_was_gathered_when_the_block_ends() -> None:
    reader = asyncio.StreamReader()
    async with multi_await(reader.read) as m:
        reader.feed_data(b"gathered")
        assert m.select_nowait() is None
        await steps(3)
    assert m.undelivered == ()
    reader.feed_data(b" and the rest")
    reader.feed_eof()
    assert await reader.read() == b" and the rest"


@on_the_real_clock
async def test_reading_some_bytes_of_a_stream_loses_none() -> None:
    reader = asyncio.StreamReader()
    async with multi_await(functools.partial(reader.read, 100)) as m:
        assert m.select_nowait() is None
        reader.feed_data(b"taken")
        await steps(3)
        reader.feed_data(b" and the rest")
    taken = b"".join(data for _, data in m.undelivered)
    reader.feed_eof()
    assert taken + await reader.read() == b"taken and the rest"


@on_the_real_clock
async def test_a_processes_output_its_errors_and_its_end_are_three_sources_that_all_end() -> None:
    program = "import sys; print(1); print('oops', file=sys.stderr); print(2); sys.exit(3)"
    async with python(program) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        values: list[list[bytes | int]] = [[], [], []]
        async with multi_await(
            each(process.stdout), each(process.stderr), once(process.wait())
        ) as m:
            async for position, value in m:
                values[position].append(value)
        assert values == [[b"1\n", b"2\n"], [b"oops\n"], [3]]


@on_the_real_clock
async def test_a_process_goes_on_when_the_block_ends() -> None:
    async with python("input(); print('still there')") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        async with multi_await(each(process.stdout), once(process.wait())) as m:
            assert m.select_nowait() is None
        assert process.returncode is None
        process.stdin.write(b"\n")
        assert await process.stdout.readline() == b"still there\n"
        assert await process.wait() == 0


# -- websockets ------------------------------------------------------------------------------------


@on_the_real_clock
async def test_websockets_recv_fails_at_each_call_once_the_connection_is_closed() -> None:
    async with websocket() as (ours, theirs), multi_await(ours.recv) as m:
        await theirs.send("the last message")
        await theirs.close()
        assert await m.select() == (0, "the last message")
        for _ in range(3):
            with pytest.raises(ConnectionClosedOK):
                await m.select()


@on_the_real_clock
async def test_each_of_a_websockets_connection_ends_when_it_is_closed() -> None:
    async with websocket() as (ours, theirs), multi_await(each(ours)) as m:
        await theirs.send("the last message")
        await theirs.close()
        assert [message async for _, message in m] == ["the last message"]


@on_the_real_clock
async def test_each_of_a_websockets_connection_that_breaks_fails_once_and_ends() -> None:
    async with websocket() as (ours, theirs), multi_await(each(ours)) as m:
        assert m.select_nowait() is None
        theirs.transport.abort()
        with pytest.raises(ConnectionClosedError):
            await m.select()
        with pytest.raises(NothingToAwait):
            await m.select()


@on_the_real_clock
async def test_a_websockets_connection_may_be_closed_within_the_block() -> None:
    async with websocket() as (ours, _), multi_await(each(ours)) as m:
        assert m.select_nowait() is None
        await ours.close()
        assert [message async for _, message in m] == []
        assert ours.close_code == 1000


@on_the_real_clock
async def test_a_websockets_connection_stays_open_when_the_block_ends() -> None:
    async with websocket() as (ours, theirs):
        async with multi_await(each(ours)) as m:
            assert m.select_nowait() is None
            await asyncio.sleep(0)
        assert m.undelivered == ()
        await theirs.send("still there")
        assert await ours.recv() == "still there"


@on_the_real_clock
async def test_a_websockets_connection_that_is_a_source_can_be_received_from_nowhere_else() -> None:
    async with websocket() as (ours, theirs), multi_await(ours.recv) as m:
        assert m.select_nowait() is None
        await asyncio.sleep(0)
        with pytest.raises(ConcurrencyError):
            await ours.recv()
        await theirs.send("for the source")
        assert await m.select() == (0, "for the source")


# -- aiohttp ---------------------------------------------------------------------------------------


@on_the_real_clock
async def test_a_loop_that_calls_again_what_has_not_finished_breaks_on_aiohttp() -> None:
    async with aiohttp_websocket() as (ours, _):

        async def wait_for_either() -> set[asyncio.Task[Any]]:
            calls = [asyncio.create_task(ours.receive()), asyncio.create_task(asyncio.sleep(0))]
            all_calls.extend(calls)
            done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            return done

        all_calls: list[asyncio.Task[Any]] = []
        await wait_for_either()  # the sleep is over, and receive() still waits
        done = await wait_for_either()
        failures = [str(task.exception()) for task in done]
        assert "Concurrent call to receive() is not allowed" in failures
        for task in all_calls:
            task.cancel()
        await asyncio.wait(all_calls)


@on_the_real_clock
async def test_aiohttps_receive_gives_a_message_for_the_end_and_goes_on_to_give_it() -> None:
    async with aiohttp_websocket() as (ours, theirs), multi_await(ours.receive) as m:
        await theirs.send_str("the last message")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(theirs.close())
            types = [(await m.select())[1].type for _ in range(4)]
        assert types == [
            aiohttp.WSMsgType.TEXT,
            aiohttp.WSMsgType.CLOSE,
            aiohttp.WSMsgType.CLOSED,
            aiohttp.WSMsgType.CLOSED,
        ]


@on_the_real_clock
async def test_each_of_an_aiohttp_websocket_ends_when_it_is_closed() -> None:
    async with aiohttp_websocket() as (ours, theirs), multi_await(each(ours)) as m:
        await theirs.send_str("the last message")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(theirs.close())
            assert [message.data async for _, message in m] == ["the last message"]
        assert ours.close_code == 1000


@on_the_real_clock
async def test_each_of_an_aiohttp_websocket_that_breaks_ends_too_and_only_its_code_tells() -> None:
    async with aiohttp_websocket() as (ours, theirs), multi_await(each(ours)) as m:
        assert m.select_nowait() is None
        assert theirs.transport is not None
        theirs.transport.abort()
        assert [message async for _, message in m] == []
        assert ours.close_code == 1006


@on_the_real_clock
async def test_an_aiohttp_websocket_may_be_closed_within_the_block() -> None:
    async with aiohttp_websocket() as (ours, theirs), multi_await(each(ours)) as m:
        assert m.select_nowait() is None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(theirs.receive())
            await ours.close()
        assert [message async for _, message in m] == []
        assert ours.close_code == 1000


@on_the_real_clock
async def test_an_aiohttp_websocket_that_waited_at_the_end_is_open_but_marked_as_broken() -> None:
    async with aiohttp_websocket() as (ours, theirs):
        async with multi_await(each(ours)) as m:
            assert m.select_nowait() is None
            await asyncio.sleep(0)
        assert not ours.closed
        assert ours.close_code == 1006
        await theirs.send_str("still there")
        assert (await ours.receive()).data == "still there"


# -- threads ---------------------------------------------------------------------------------------


@on_the_real_clock
async def test_a_thread_goes_on_after_the_block_and_what_it_takes_then_is_lost() -> None:
    items: queue.SimpleQueue[str] = queue.SimpleQueue()
    loop, taken = asyncio.get_running_loop(), asyncio.Event()

    def get() -> str:
        item = items.get()
        loop.call_soon_threadsafe(taken.set)
        return item

    async with multi_await(functools.partial(asyncio.to_thread, get)) as m:
        assert m.select_nowait() is None
        await steps(3)
    items.put("for nobody")
    await taken.wait()
    assert items.empty()
    assert m.undelivered == ()


@on_the_real_clock
async def test_a_function_in_a_thread_ends_its_source_by_stop_async_iteration() -> None:
    lines = iter(["one\n", "two\n"])

    def next_line() -> str:
        for line in lines:
            return line
        raise StopAsyncIteration

    async with multi_await(functools.partial(asyncio.to_thread, next_line)) as m:
        assert [line async for _, line in m] == ["one\n", "two\n"]


@on_the_real_clock
async def test_a_janus_queue_that_is_shut_down_is_the_end_from_3_13_and_a_failure_before() -> None:
    async with (
        contextlib.aclosing(janus.Queue[str]()) as items,
        multi_await(items.async_q.get) as m,
    ):
        items.sync_q.put("the last item")
        items.shutdown()
        assert await m.select() == (0, "the last item")
        expected = NothingToAwait if sys.version_info >= (3, 13) else janus.AsyncQueueShutDown
        for _ in range(3):
            with pytest.raises(expected):
                await m.select()


@on_the_real_clock
async def test_a_function_of_ones_own_ends_a_janus_queue_on_every_python() -> None:
    async def get() -> str:
        try:
            return await items.async_q.get()
        except janus.AsyncQueueShutDown:
            raise StopAsyncIteration from None

    async with contextlib.aclosing(janus.Queue[str]()) as items, multi_await(get) as m:
        items.sync_q.put("the last item")
        items.shutdown()
        assert [item async for _, item in m] == ["the last item"]


@on_the_real_clock
async def test_a_janus_queue_polled_inline_leaves_the_item_and_from_3_13_to_other_consumers() -> (
    None
):
    async with (
        contextlib.aclosing(janus.Queue[str]()) as items,
        multi_await(inline(items.async_q.get)) as m,
    ):
        assert m.select_nowait() is None
        other = asyncio.create_task(items.async_q.get())
        await steps(3)
        items.sync_q.put("for whoever takes it")
        await steps(20)
        if sys.version_info >= (3, 13):  # before, a notification is lost with who got it
            assert other.done()
        assert items.async_q.qsize() + other.done() == 1
        other.cancel()
        await asyncio.wait([other])


# -- anyio -----------------------------------------------------------------------------------------


@on_the_real_clock
async def test_anyios_receive_fails_at_each_call_once_the_stream_has_ended() -> None:
    theirs, ours = anyio.create_memory_object_stream[str](1)
    async with ours, multi_await(ours.receive) as m:
        async with theirs:
            await theirs.send("the last item")
        assert await m.select() == (0, "the last item")
        for _ in range(3):
            with pytest.raises(anyio.EndOfStream):
                await m.select()


@on_the_real_clock
async def test_each_of_an_anyio_stream_ends_with_the_stream() -> None:
    theirs, ours = anyio.create_memory_object_stream[str](1)
    async with ours, multi_await(each(ours)) as m:
        async with theirs:
            await theirs.send("the last item")
        assert [item async for _, item in m] == ["the last item"]


@on_the_real_clock
async def test_anyios_receive_loses_the_item_that_it_was_handed_when_it_is_cancelled_then() -> None:
    theirs, ours = anyio.create_memory_object_stream[str](1)
    async with theirs, ours:
        receiving = asyncio.create_task(ours.receive())
        await steps(3)
        theirs.send_nowait("an item")
        receiving.cancel()
        await asyncio.wait([receiving])
        assert receiving.cancelled()
        assert ours.statistics().current_buffer_used == 0


@on_the_real_clock
async def test_an_anyio_stream_that_is_read_to_its_end_within_the_block_loses_nothing() -> None:
    theirs, ours = anyio.create_memory_object_stream[str](1)
    async with ours, multi_await(each(ours)) as m:
        assert m.select_nowait() is None
        await steps(3)
        async with theirs:
            theirs.send_nowait("handed over")
        assert [item async for _, item in m] == ["handed over"]


@on_the_real_clock
async def test_who_sends_to_an_anyio_stream_without_a_buffer_waits_for_no_delivery() -> None:
    theirs, ours = anyio.create_memory_object_stream[str](0)
    async with theirs, ours:
        async with multi_await(ours.receive) as m:
            assert m.select_nowait() is None
            await theirs.send("an item")
            await steps(3)
        assert m.undelivered == ((0, "an item"),)


# -- a file descriptor -----------------------------------------------------------------------------


class Counted(Readable):
    """Counts how often the event loop woke it."""

    wakes = 0

    def poll(self, wake: Wake) -> Any:
        def counted(*ignored: object) -> None:
            self.wakes += 1
            wake()

        return super().poll(counted)


@needs_pipes
@on_the_real_clock
async def test_a_source_over_a_pipe_takes_what_is_there_in_turn_and_ends_with_the_pipe() -> None:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    source = Counted(ours, functools.partial(os.read, ours, 5))
    async with multi_await(source) as m:
        assert m.select_nowait() is None
        os.write(theirs, b"first")
        await steps(20)
        assert source.wakes == 1  # data that waits for a call does not keep the loop busy
        assert await m.select() == (0, b"first")
        assert m.select_nowait() is None
        os.close(theirs)
        assert [data async for _, data in m] == []
        wakes = source.wakes
        await steps(20)
        assert source.wakes == wakes  # nor does the end of the pipe
    os.close(ours)


# -- Redis -----------------------------------------------------------------------------------------


@needs_redis
@on_the_real_clock
async def test_a_redis_listener_ends_when_it_is_unsubscribed_from_everything() -> None:
    async with (
        redis_subscription() as (subscription, client),
        multi_await(each(subscription.listen())) as m,
    ):
        await client.publish("news", "the last message")
        assert (await m.select())[1]["data"] == "the last message"
        assert m.select_nowait() is None
        await subscription.unsubscribe()
        assert [message async for _, message in m] == []


# -- why they are not polled inline ----------------------------------------------------------------


@on_the_real_clock
async def test_a_thread_that_is_polled_inline_loses_what_it_has_between_calls() -> None:
    items: queue.SimpleQueue[str] = queue.SimpleQueue()
    futures: list[asyncio.Future[str]] = []

    async def get() -> str:  # as asyncio.to_thread
        futures.append(asyncio.get_running_loop().run_in_executor(None, items.get))
        return await futures[-1]

    async with multi_await(inline(get)) as m:
        assert m.select_nowait() is None
        items.put("lost")
        await asyncio.wait(futures)
        await steps(3)
        items.put("delivered")
        assert await m.select() == (0, "delivered")


@on_the_real_clock
async def test_an_anyio_stream_that_is_polled_inline_loses_what_comes_between_calls() -> None:
    theirs, ours = anyio.create_memory_object_stream[str](2)
    async with theirs, ours, multi_await(inline(ours.receive)) as m:
        call = asyncio.create_task(m.select())
        await steps(10)
        call.cancel()
        await asyncio.wait([call])
        theirs.send_nowait("lost")
        await steps(3)
        theirs.send_nowait("delivered")
        assert await m.select() == (0, "delivered")


@contextlib.asynccontextmanager
async def bad_text_on_a_websocket() -> AsyncIterator[Callable[[], Coroutine[Any, Any, Any]]]:
    async with websocket(close_timeout=0.001) as (ours, theirs):
        theirs.transport.pause_reading()  # so that it does not answer when we close
        theirs.transport.write(b"\x81\x01\xff")
        yield ours.recv
        theirs.transport.abort()


@contextlib.asynccontextmanager
async def aiohttp_with_a_timeout() -> AsyncIterator[Callable[[], Coroutine[Any, Any, Any]]]:
    async with aiohttp_websocket() as (ours, _):
        yield functools.partial(ours.receive, 0.001)


@contextlib.asynccontextmanager
async def redis_with_a_timeout() -> AsyncIterator[Callable[[], Coroutine[Any, Any, Any]]]:
    async with redis_subscription() as (subscription, _):
        await subscription.get_message(timeout=5)  # that it has subscribed
        yield functools.partial(subscription.get_message, timeout=0.001)


@pytest.mark.parametrize(
    "kind",
    [
        bad_text_on_a_websocket,
        aiohttp_with_a_timeout,
        pytest.param(redis_with_a_timeout, marks=needs_redis),
    ],
)
@on_the_real_clock
async def test_what_uses_a_timeout_cancels_the_caller_if_it_is_polled_inline(
    kind: Callable[
        [], contextlib.AbstractAsyncContextManager[Callable[[], Coroutine[Any, Any, Any]]]
    ],
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the rest of the damage
    async with kind() as function, multi_await(inline(function)) as m:
        with pytest.raises(asyncio.CancelledError):
            await m.select()
