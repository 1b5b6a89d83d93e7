"""Runs a program's text in Pyodide, whose event loop is running already.

So `asyncio.run` can't block there until its coroutine is done. It keeps the coroutine, which is
awaited when the program has come to its end: a program must have `asyncio.run` in its last line.
"""

import asyncio
import linecache
import sys
import traceback
import types
from collections.abc import Coroutine
from typing import Any


async def run(name: str, text: str) -> None:
    """Run the program as `python NAME` would, a traceback included."""
    mains: list[Coroutine[Any, Any, object]] = []
    asyncio.run = lambda main, **_: mains.append(main)  # type: ignore[assignment] # above
    program = sys.modules["__main__"] = types.ModuleType("__main__")
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    try:
        exec(compile(text, name, "exec"), program.__dict__)  # noqa: S102 -- the reader's own
        for main in mains:
            await asyncio.create_task(main)
    except SystemExit as end:
        if end.code:
            sys.stderr.write(f"{end.code}\n")
    except BaseException as error:
        show(error, name)
    finally:
        await end_what_is_left()


def show(error: BaseException, name: str) -> None:
    """Print the traceback, without the frames that are ours."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != name:
        frames = frames.tb_next
    traceback.print_exception(error.with_traceback(frames))


async def end_what_is_left() -> None:
    """Cancel the tasks that the program left, as `asyncio.run` does."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
