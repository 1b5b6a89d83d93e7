"""SIGTERM and Ctrl-C are one more case; a second one during the clean-up does no harm."""

import asyncio
import signal

from multi_await import multi_await, signals


async def main() -> None:
    requests: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for seconds, request in enumerate(["one", "two", "three"], start=1):
        loop.call_later(seconds, requests.put_nowait, request)
    loop.call_later(2.5, signal.raise_signal, signal.SIGTERM)  # as a service manager does
    loop.call_later(3.2, signal.raise_signal, signal.SIGTERM)  # and again

    async with multi_await(requests.get, signals(signal.SIGTERM, signal.SIGINT)) as m:
        async for event in m:
            match event:
                case (0, request):
                    print("request", request)
                case (1, signum):
                    print("stopping on", signum.name)
                    break
        await asyncio.sleep(1)  # clean up within the block: here we still get the signals
        print("cleaned up, requests left:", requests.qsize())
    print("undelivered:", m.undelivered)


if __name__ == "__main__":
    asyncio.run(main())
