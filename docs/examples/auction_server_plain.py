"""The auction of auction_server.py with plain asyncio: one queue for everything that can happen.

A task for each client puts its bids into the queue, another sends it its lines, and a third is the
countdown, which each bid restarts.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import assert_never

from aiohttp import WSCloseCode
from auction_house import (
    LIMIT,
    MOST,
    PATIENCE,
    Auction,
    Bid,
    Client,
    Report,
    Table,
    opened,
    run,
    serving,
    stop_at_signals,
)


@dataclass(frozen=True)
class Joined:
    client: Client


@dataclass(frozen=True)
class Said:
    client: Client
    amount: int


@dataclass(frozen=True)
class Broke:
    client: Client
    failure: Exception


@dataclass(frozen=True)
class Left:
    client: Client


@dataclass(frozen=True)
class Tick:
    countdown: int  # which one: the ticks of those before it are stale


class Stop(Enum):
    BEGINS = 0
    IS_OVER = 1  # all handlers have ended


Event = Joined | Said | Broke | Left | Tick | Stop


async def count_down(number: int, period: float, events: asyncio.Queue[Event]) -> None:
    while True:
        await asyncio.sleep(period)
        await events.put(Tick(number))


async def hold(
    auction: Auction,
    events: asyncio.Queue[Event],
    accepted: asyncio.Queue[Bid | None],
    period: float,
) -> None:
    """Run the auction until the stop, then read on until nobody puts anything any more."""
    clients = dict[Client, None]()  # in order of arrival
    countdown: asyncio.Task[None] | None = None
    countdowns = 0
    is_stopping = False
    goodbyes = list[asyncio.Task[None]]()

    def line(event: str, text: str) -> str:
        return auction.line(len(clients), event, text)

    def tell_all(event: str, text: str) -> None:
        told = line(event, text)
        for client in clients:
            client.tell(told)

    try:
        while True:
            match await events.get():
                case Joined(client) if is_stopping:
                    clients[client] = None
                    goodbyes.append(asyncio.create_task(say_goodbye(client)))
                case Joined(client):
                    clients[client] = None
                    tell_all("joined", f"{client.name} is here")
                case Left(client):
                    del clients[client]
                    tell_all("left", f"{client.name} has left")
                case Broke(client, failure):
                    client.tell(line("broken", str(failure)))
                case Said(client, amount) if is_stopping:
                    auction.report.too_late += 1
                    client.tell(line("too late", f"{amount} comes too late"))
                case Said(client, amount):
                    if (bid := auction.bid(client.name, amount)) is not None:
                        accepted.put_nowait(bid)
                        if countdown is not None:
                            countdown.cancel()
                        countdowns += 1
                        countdown = asyncio.create_task(count_down(countdowns, period, events))
                        tell_all("bid", f"{client.name} bids {amount}")
                    else:
                        client.tell(line("too low", f"{amount} is too low"))
                case Tick(number):
                    if is_stopping or number != countdowns:
                        continue  # a bid came while this tick was in the queue
                    call = auction.call()
                    tell_all(call, f"{call} at {auction.highest} to {auction.bidder}")
                    if call == "sold":
                        auction.begin(auction.lot + 1)
                        countdowns += 1
                        if countdown is not None:
                            countdown.cancel()
                            countdown = None
                case Stop.IS_OVER:
                    break
                case Stop.BEGINS:
                    is_stopping = True
                    goodbyes += [asyncio.create_task(say_goodbye(client)) for client in clients]
                case _ as never:
                    assert_never(never)
    finally:
        if countdown is not None:
            countdown.cancel()
    await asyncio.gather(*goodbyes)


async def write_lines(client: Client) -> None:
    """Send a client its lines, as many at once as there are."""
    with contextlib.suppress(ConnectionError):
        while True:
            lines = [await client.outbox.get()]
            while len(lines) < LIMIT and not client.outbox.empty():
                lines.append(client.outbox.get_nowait())
            await client.send(lines)
            for _ in lines:
                client.outbox.task_done()


async def attend(events: asyncio.Queue[Event], client: Client) -> None:
    """Pass a client's bids on, and send it its lines until it has left."""
    await events.put(Joined(client))
    writer = asyncio.create_task(write_lines(client))
    try:
        async for amount in client.bids():
            await events.put(Said(client, amount))
    except Exception as failure:
        await events.put(Broke(client, failure))
    finally:
        await events.put(Left(client))
        client.left.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await client.outbox.join()
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writer


async def say_goodbye(client: Client) -> None:
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(PATIENCE):
            await client.outbox.join()
            await client.ws.close(code=WSCloseCode.GOING_AWAY)
    client.cut_off()


@contextlib.asynccontextmanager
async def writing(
    accepted: asyncio.Queue[Bid | None], table: Table
) -> AsyncIterator[asyncio.Task[None]]:
    """Write accepted bids, as many at once as there are, and at the end all that are left."""

    async def write() -> None:
        while (bid := await accepted.get()) is not None:
            bids = [bid]
            while len(bids) < MOST and not accepted.empty():
                if (bid := accepted.get_nowait()) is None:
                    await table.write(bids)
                    return
                bids.append(bid)
            await table.write(bids)

    task = asyncio.create_task(write())
    try:
        yield task
    finally:
        accepted.put_nowait(None)
        await task


async def main(port: int, database: str, period: float) -> Report:
    report, stop = Report(), stop_at_signals()
    events = asyncio.Queue[Event](100)
    accepted = asyncio.Queue[Bid | None]()
    async with opened(database, report) as table, writing(accepted, table) as writer:
        auction = Auction(table.last_lot + 1, report)
        holding = asyncio.create_task(hold(auction, events, accepted, period))
        async with serving(partial(attend, events), report, port):
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([holding, stopping, writer], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not holding.done():
                await events.put(Stop.BEGINS)
        if not holding.done():
            await events.put(Stop.IS_OVER)
        await holding
    return report


if __name__ == "__main__":
    run(main)
