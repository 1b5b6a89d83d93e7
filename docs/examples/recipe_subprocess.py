"""Show what a subprocess writes, line by line, and kill it after five seconds."""

import asyncio
import sys
from asyncio.subprocess import PIPE

from multi_await import Group, after, each, ending, multi_await

PROGRAM = """
import sys, time
print("working", flush=True)
time.sleep(0.2)
print("this takes long", file=sys.stderr)
time.sleep(60)
"""


async def main() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    output = Group[str, bytes]()
    output.add("out", each(process.stdout))
    output.add("err", each(process.stderr))
    output.shutdown()  # no more sources: the group ends with the last of these two
    async with multi_await(ending(output, None), after(5)) as m:
        async for event in m:
            match event:
                case (0, (name, line)):
                    print(f"{name}: {line.decode().rstrip()}")
                case (0, _):
                    break  # both have ended
                case (1, _):
                    print("killed after five seconds")
                    process.kill()
    await process.wait()


if __name__ == "__main__":
    asyncio.run(main())
