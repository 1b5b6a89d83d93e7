"""A feed as it is often written: a task for each client, and a dict that they share."""

import asyncio
import itertools


class Client:
    def __init__(self, name: str, *, seconds: float) -> None:
        self.name = name
        self.seconds = seconds  # that its connection takes for an event
        self.joined_at = asyncio.get_running_loop().time()

    async def send(self, event: str) -> None:
        await asyncio.sleep(self.seconds)
        seconds = asyncio.get_running_loop().time() - self.joined_at
        print(f"{seconds:.1f} s: {self.name} has {event}")


async def handle(clients: dict[str, Client], client: Client, *, stays: float) -> None:
    clients[client.name] = client
    await asyncio.sleep(stays)
    del clients[client.name]


async def ticker(clients: dict[str, Client]) -> None:
    for number in itertools.count():
        for client in clients.values():
            await client.send(f"the event of {number / 2:.1f} s")
        await asyncio.sleep(0.5)


async def main() -> None:
    clients: dict[str, Client] = {}
    ada, grace = Client("Ada", seconds=0), Client("Grace", seconds=1)
    tasks = [
        asyncio.create_task(handle(clients, ada, stays=1.8), name="Ada"),
        asyncio.create_task(handle(clients, grace, stays=60), name="Grace"),
    ]
    await asyncio.sleep(0)  # both have joined
    try:
        await ticker(clients)
    except RuntimeError as error:
        print("the ticker is dead:", error)
    print("left behind:", *[task.get_name() for task in tasks if not task.done()])
    tasks[1].cancel()
    await asyncio.wait(tasks)


if __name__ == "__main__":
    asyncio.run(main())
