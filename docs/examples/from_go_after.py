"""Go's `time.After`: made once it is `after()`, in each round a timeout."""

import asyncio

from multi_await import after, multi_await


async def main() -> None:
    answers: asyncio.Queue[int] = asyncio.Queue()
    for n in range(1, 6):
        asyncio.get_running_loop().call_later(n * 0.4, answers.put_nowait, n)

    async with multi_await(answers.get, after(1)) as m:
        async for event in m:
            match event:
                case (0, answer):
                    print("answer", answer)
                case (1, _):
                    print("one second in all is over")
                    break

    async with multi_await(answers.get) as m:
        while True:
            try:
                async with asyncio.timeout(0.6):
                    _, answer = await m.select()
            except TimeoutError:
                print("no answer for 0.6 seconds")
                break
            print("answer", answer)


if __name__ == "__main__":
    asyncio.run(main())
