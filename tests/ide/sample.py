"""The file that the editors open. The questions are in editors.py. Never run."""

from __future__ import annotations

import asyncio

from multi_await import Group, multi_await


async def two_sources(words: asyncio.Queue[str], numbers: asyncio.Queue[int]) -> None:
    async with multi_await(words.get, numbers.get) as m:
        completed, failures = await m.get()
        print(completed, failures)
        async for event in m:
            match event:
                case (0, word):
                    loud = word.upper()
                    print(loud)
                case (1, number):
                    print(number.bit_length())


async def other_calls(words: asyncio.Queue[str], numbers: asyncio.Queue[int]) -> None:
    async with multi_await(words.get, numbers.get) as both:
        selected = await both.select()
        at_once = both.select_nowait()
        values = await both.get_or_raise()
        print(selected, at_once, values)


async def a_list(queues: list[asyncio.Queue[str]]) -> None:
    async with multi_await(*[queue.get for queue in queues]) as many:
        several, _ = await many.get()
        print(several)


async def an_open_set(words: asyncio.Queue[str]) -> None:
    async with multi_await() as opened:
        opened.add(words.get)
        items, _ = await opened.get()
        print(items)


async def a_group(clients: Group[str, bytes], joined: asyncio.Queue[str]) -> None:
    async with multi_await(clients, joined.get) as served:
        async for either in served:
            match either:
                case (0, (_, message)):
                    received = message.decode()
                    print(received)
                case (1, name):
                    clients.add(name, asyncio.Queue[bytes]().get)
