"""Connections of websockets and of aiohttp as sources."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from websockets.exceptions import ConcurrencyError, ConnectionClosedError, ConnectionClosedOK

from multi_await import NothingToAwait, each, multi_await
from tests.machinery.ends import aiohttp_websocket, on_the_real_clock, websocket


@on_the_real_clock
async def test_websockets_recv_fails_on_every_call_once_the_connection_is_closed() -> None:
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
async def test_each_of_a_broken_websockets_connection_fails_once_and_ends() -> None:
    async with websocket() as (ours, theirs), multi_await(each(ours)) as m:
        assert m.select_nowait() is None
        theirs.transport.abort()
        with pytest.raises(ConnectionClosedError):
            await m.select()
        with pytest.raises(NothingToAwait):
            await m.select()


@on_the_real_clock
async def test_a_websockets_connection_can_be_closed_inside_the_block() -> None:
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
async def test_a_websockets_connection_used_as_a_source_cannot_be_read_elsewhere() -> None:
    async with websocket() as (ours, theirs), multi_await(ours.recv) as m:
        assert m.select_nowait() is None
        await asyncio.sleep(0)
        with pytest.raises(ConcurrencyError):
            await ours.recv()
        await theirs.send("for the source")
        assert await m.select() == (0, "for the source")


@on_the_real_clock
async def test_a_loop_that_repeats_an_unfinished_receive_breaks_on_aiohttp() -> None:
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
async def test_aiohttps_receive_returns_a_close_message_again_and_again() -> None:
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
async def test_each_of_an_aiohttp_websocket_that_breaks_ends_and_only_its_code_shows_it() -> None:
    async with aiohttp_websocket() as (ours, theirs), multi_await(each(ours)) as m:
        assert m.select_nowait() is None
        assert theirs.transport is not None
        theirs.transport.abort()
        assert [message async for _, message in m] == []
        assert ours.close_code == 1006


@on_the_real_clock
async def test_an_aiohttp_websocket_can_be_closed_inside_the_block() -> None:
    async with aiohttp_websocket() as (ours, theirs), multi_await(each(ours)) as m:
        assert m.select_nowait() is None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(theirs.receive())
            await ours.close()
        assert [message async for _, message in m] == []
        assert ours.close_code == 1000


@on_the_real_clock
async def test_an_aiohttp_websocket_waiting_at_the_end_stays_open_but_marked_broken() -> None:
    async with aiohttp_websocket() as (ours, theirs):
        async with multi_await(each(ours)) as m:
            assert m.select_nowait() is None
            await asyncio.sleep(0)
        assert not ours.closed
        assert ours.close_code == 1006
        await theirs.send_str("still there")
        assert (await ours.receive()).data == "still there"
