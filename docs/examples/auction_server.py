"""A live auction: bidders join, bid, hang up and fail, and nobody waits for anybody else.

    python auction_server.py --port 8080

Each bid restarts the countdown; a lot is sold at the third call. SIGTERM or Ctrl-C stops the
server: each bid that was accepted is written first, and each client gets a close frame.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Final, assert_never

from auction_house import (
    LIMIT,
    MOST,
    Auction,
    Bid,
    Broken,
    Client,
    Report,
    Table,
    opened,
    run,
    serving,
    stop_at_signals,
)

from multi_await import Group, batched, catching, each, ending, every, multi_await, once


class At:
    STOP: Final = 0
    WRITER: Final = 1
    CLIENTS: Final = 2
    DOORS: Final = 3
    COUNTDOWN: Final = 4


async def hold(
    auction: Auction,
    doors: asyncio.Queue[Client],
    accepted: asyncio.Queue[Bid],
    writer: asyncio.Task[None],
    stop: asyncio.Event,
    period: float,
) -> None:
    """Run the auction until the stop: the one loop in which everything happens."""
    clients = Group[Client, int | Broken | None]()
    countdown = every(period)
    countdown.stop()  # until the first bid

    def line(event: str, text: str) -> str:
        return auction.line(len(clients), event, text)

    def tell_all(event: str, text: str) -> None:
        told = line(event, text)
        for client in clients:
            client.tell(told)

    async with multi_await(stop.wait, once(writer), clients, doors.get, countdown) as m:
        async for event in m:
            match event:
                case (At.DOORS, client):
                    clients.add(client, ending(catching(each(client.bids()), Broken), None))
                    tell_all("joined", f"{client.name} is here")
                case (At.CLIENTS, (client, None)):
                    client.left.set()
                    tell_all("left", f"{client.name} has left")
                case (At.CLIENTS, (client, Broken(failure))):
                    client.tell(line("broken", str(failure)))
                case (At.CLIENTS, (client, amount)):
                    if (bid := auction.bid(client.name, amount)) is not None:
                        accepted.put_nowait(bid)
                        countdown.reset()
                        tell_all("bid", f"{client.name} bids {amount}")
                    else:
                        client.tell(line("too low", f"{amount} is too low"))
                case (At.COUNTDOWN, _):
                    call = auction.call()
                    tell_all(call, f"{call} at {auction.highest} to {auction.bidder}")
                    if call == "sold":
                        auction.begin(auction.lot + 1)
                        countdown.stop()
                case (At.STOP | At.WRITER, _):
                    break
                case _:
                    assert_never(event)
    for _, (client, amount) in m.undelivered:  # of the clients: the other sources keep theirs
        if isinstance(amount, int):
            auction.report.too_late += 1
            client.tell(line("too late", f"{amount} comes too late"))


async def attend(doors: asyncio.Queue[Client], over: asyncio.Event, client: Client) -> None:
    """Hand a client over to the auction, and send it its lines until it has left or all is over."""
    doors.put_nowait(client)
    lines = batched(client.outbox, LIMIT)
    async with multi_await(lines, client.left.wait, over.wait, biased=True) as m:
        async for event in m:
            match event:
                case (0, some_lines):
                    await client.send(some_lines)
                case (1 | 2, _):
                    break


@contextlib.asynccontextmanager
async def writing(accepted: asyncio.Queue[Bid], table: Table) -> AsyncIterator[asyncio.Task[None]]:
    """Write accepted bids, as many at once as there are, and at the end all that are left."""
    over = asyncio.Event()

    async def write() -> None:
        async with multi_await(batched(accepted, MOST), over.wait, biased=True) as m:
            async for event in m:
                match event:
                    case (0, bids):
                        await table.write(bids)
                    case (1, _):
                        break

    task = asyncio.create_task(write())
    try:
        yield task
    finally:
        over.set()
        await task


async def main(port: int, database: str, period: float) -> Report:
    report, stop, over = Report(), stop_at_signals(), asyncio.Event()
    doors, accepted = asyncio.Queue[Client](), asyncio.Queue[Bid]()
    async with (
        opened(database, report) as table,
        writing(accepted, table) as writer,
        serving(partial(attend, doors, over), report, port),
    ):
        auction = Auction(table.last_lot + 1, report)
        try:
            await hold(auction, doors, accepted, writer, stop, period)
        finally:
            over.set()
    return report


if __name__ == "__main__":
    run(main)
