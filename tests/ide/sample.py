"""What is opened in each editor; the questions are in editors.py. Never run."""

import asyncio

from multi_await import multi_await


async def two_sources(words: asyncio.Queue[str], numbers: asyncio.Queue[int]) -> None:
    async with multi_await(words.get, numbers.get) as m:
        completed, failures = await m.get()
        print(completed, failures)
        event = await m.select()
        match event:
            case (0, word):
                print(word.upper())
            case (1, number):
                print(number.bit_length())
        async for each_event in m:
            print(each_event)
        now = m.select_nowait()
        all_now = m.get_nowait()
        values = await m.get_or_raise()
        print(now, all_now, values)


async def a_list(queues: list[asyncio.Queue[str]]) -> None:
    async with multi_await(*[queue.get for queue in queues]) as many:
        several, _ = await many.get()
        print(several)


async def an_open_set() -> None:
    async with multi_await() as opened:
        items, _ = await opened.get()
        print(items)
