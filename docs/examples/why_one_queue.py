"""If the senders are yours, one queue is enough: each puts its name beside what it has to say."""

import asyncio
from typing import Literal

Event = tuple[Literal["word"], str] | tuple[Literal["number"], int]


async def main() -> None:
    events: asyncio.Queue[Event] = asyncio.Queue()
    events.put_nowait(("word", "one"))
    events.put_nowait(("number", 1))
    for _ in range(2):
        match await events.get():
            case ("word", word):
                print("a word,", word.upper())
            case ("number", number):
                print("a number,", number + 1)


if __name__ == "__main__":
    asyncio.run(main())
