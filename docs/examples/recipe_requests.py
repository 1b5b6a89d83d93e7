"""Requests run concurrently, each is answered by its number, and any may be cancelled."""

import asyncio
from typing import Final, assert_never

from multi_await import Group, multi_await, once


class At:
    MESSAGES: Final = 0
    ANSWERS: Final = 1


async def answer(seconds: float) -> str:
    await asyncio.sleep(seconds)  # the work
    return f"the answer after {seconds} s"


async def serve(inbox: asyncio.Queue[tuple[str, int, float]]) -> None:
    answers = Group[int, str]()  # by the number of the request
    async with multi_await(inbox.get, answers) as m:
        async for event in m:
            match event:
                case (At.ANSWERS, (number, text)):
                    print("request", number, "gets", text)
                case (At.MESSAGES, (what, number, seconds)):
                    if what == "request":
                        answers.add(number, once(answer(seconds)))
                    elif what == "cancel" and number in answers:
                        await answers.remove(number)
                        print("request", number, "is cancelled")
                case _:
                    assert_never(event)
            if not answers:
                break  # here only so that the program ends


async def main() -> None:
    inbox: asyncio.Queue[tuple[str, int, float]] = asyncio.Queue()
    inbox.put_nowait(("request", 1, 1.5))
    inbox.put_nowait(("request", 2, 60))
    inbox.put_nowait(("request", 3, 0.5))
    asyncio.get_running_loop().call_later(1, inbox.put_nowait, ("cancel", 2, 0))
    await serve(inbox)


if __name__ == "__main__":
    asyncio.run(main())
