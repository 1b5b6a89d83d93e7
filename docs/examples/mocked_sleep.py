"""The mistake: with asyncio.sleep mocked, a test sees what never happens in production."""

import asyncio
from unittest.mock import AsyncMock, patch


async def answer() -> str:
    await asyncio.sleep(1)
    return "the answer"


async def ask() -> str:
    try:
        async with asyncio.timeout(0.5):
            return await answer()
    except TimeoutError:
        return "no answer in time"


async def main() -> None:
    with patch("asyncio.sleep", AsyncMock()):
        print("in the test:", await ask())
    print("in production:", await ask())


if __name__ == "__main__":
    asyncio.run(main())
