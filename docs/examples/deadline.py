"""Two and a half seconds for all the answers together, however many calls that takes."""

import asyncio

from multi_await import after, multi_await


async def ask(answers: asyncio.Queue[str]) -> None:
    for answer in ("yes", "no", "perhaps"):
        await asyncio.sleep(1)
        answers.put_nowait(answer)


async def main() -> None:
    answers: asyncio.Queue[str] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(ask(answers))

        async with multi_await(answers.get, after(2.5)) as m:
            async for event in m:
                match event:
                    case (0, answer):
                        print("answer:", answer)
                    case (1, _):
                        print("time is up")
                        break

        asking.cancel()


if __name__ == "__main__":
    asyncio.run(main())
