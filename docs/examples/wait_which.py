"""Two are done at once: which of them is it, and where is the other?"""

import asyncio
from typing import assert_type


async def main() -> None:
    words = asyncio.Queue[str]()
    numbers = asyncio.Queue[int]()
    received = list[object]()
    unseen = list[asyncio.Task[object]]()

    for i in range(100):
        words.put_nowait("a word")
        numbers.put_nowait(i)
        word = asyncio.create_task(words.get())
        number = asyncio.create_task(numbers.get())
        done, _ = await asyncio.wait({word, number}, return_when=asyncio.FIRST_COMPLETED)
        value = done.pop().result()
        received.append(assert_type(value, object))  # that is all mypy knows
        unseen.extend(done)

    print("put 200, received", len(received), "and never read", len(unseen))
    kinds = {type(value).__name__ for value in received}
    print("received, of the two:", " or ".join(sorted(kinds)))


if __name__ == "__main__":
    asyncio.run(main())
