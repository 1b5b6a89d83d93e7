"""Show a subprocess's output line by line, and kill it after five seconds."""

import asyncio
import sys
from asyncio.subprocess import PIPE

from multi_await import after, each, ending, multi_await

PROGRAM = "import time; print('begun'); print('working', flush=True); time.sleep(60)"


async def main() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, stdout=PIPE)
    assert process.stdout is not None
    async with multi_await(ending(each(process.stdout), None), after(5)) as m:
        async for event in m:
            match event:
                case (0, line) if line is not None:
                    print(line.decode().rstrip())
                case (0, _):
                    break  # the output has ended, by itself or because the process was killed
                case (1, _):
                    print("killed after five seconds")
                    process.kill()
    await process.wait()


if __name__ == "__main__":
    asyncio.run(main())
