"""Runs a program's text in Pyodide, whose event loop is running already.

So `asyncio.run` can't block there until its coroutine is done. Outside functions it is awaited
instead, wherever the program calls it; within a function it is refused.
"""

import ast
import asyncio
import inspect
import itertools
import linecache
import sys
import traceback
import types
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NoReturn


async def run(name: str, text: str) -> bool:
    """Run the program as `python NAME` would, a traceback included; return whether it failed."""
    asyncio.run = refused
    let_be_late(asyncio.get_running_loop())
    program = sys.modules["__main__"] = types.ModuleType("__main__")
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    try:
        compile(text, name, "exec")  # for the mistakes that the next line would let pass
        tree = ast.parse(text, name)
        Awaiting().visit(tree)
        code = compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        rest = eval(code, program.__dict__)  # noqa: S307 -- the reader's own
        if inspect.iscoroutine(rest):
            await rest
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            sys.stderr.write(f"{end.code}\n")
        return bool(end.code)
    except BaseException as error:
        show(error, name)
        return True
    finally:
        await end_what_is_left()
    return False


def refused(main: Coroutine[Any, Any, object], **_: object) -> NoReturn:
    """What `asyncio.run` is."""
    main.close()
    raise RuntimeError(
        "asyncio.run() within a function can't run in this page, whose event loop runs already: "
        "call it at the top level of the program, or run the program on your own machine"
    )


async def awaited(main: Coroutine[Any, Any, object], **_: object) -> object:
    """What it is outside functions."""
    try:
        return await asyncio.create_task(main)
    finally:
        await end_what_is_left()


refused.awaited = awaited  # type: ignore[attr-defined] # where no name of the program's can hide it


class Awaiting(ast.NodeTransformer):
    """Turns `asyncio.run(main())` into `await asyncio.run.awaited(main())`, outside functions."""

    def visit(self, node: ast.AST) -> ast.AST:
        """Go on inwards, but not into a function."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            return node
        node = self.generic_visit(node)
        if not isinstance(node, ast.Call) or ast.unparse(node.func) != "asyncio.run":
            return node
        node.func = ast.copy_location(ast.Attribute(node.func, "awaited", ast.Load()), node.func)
        return ast.copy_location(ast.Await(node), node)


def let_be_late(loop: asyncio.AbstractEventLoop) -> None:
    """Call at once what is due already: Pyodide's event loop refuses it, asyncio's does not."""

    def call_at(when: float, call: Callable[..., object], *args: Any, **context: Any) -> Any:
        return loop.call_later(max(0, when - loop.time()), call, *args, **context)

    loop.call_at = call_at  # type: ignore[method-assign,assignment] # as above


def show(error: BaseException, name: str) -> None:
    """Print the traceback, without the frames that are ours."""
    program = itertools.dropwhile(lambda step: file(step) != name, steps(error.__traceback__))
    kept = [step for step in program if file(step) != run.__code__.co_filename]
    for step, following in itertools.pairwise([*kept, None]):
        if step is not None:
            step.tb_next = following
    traceback.print_exception(error.with_traceback(kept[0] if kept else None))


def steps(step: types.TracebackType | None) -> Iterator[types.TracebackType]:
    """Each step of a traceback."""
    while step is not None:
        yield step
        step = step.tb_next


def file(step: types.TracebackType) -> str:
    """The file of the code that a step of a traceback is in."""
    return step.tb_frame.f_code.co_filename


async def end_what_is_left() -> None:
    """Cancel the tasks that the program left, as `asyncio.run` does."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
