"""Draw the timelines of the first tutorial: python docs/figures/timelines.py.

Nothing is drawn by hand. Each program of docs/examples runs as it is, on a clock that moves on when
nobody has work; what its queues, tasks and prints do is recorded, and the record is drawn.
"""

import asyncio
import builtins
import contextlib
import importlib
import selectors
import sys
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"

PROGRAMS = {
    "wait_again": "asyncio.wait with new tasks in each round",
    "by_hand_loses": "The loop by hand",
    "select_keeps": "The loop with multi_await",
}

# -- a run is recorded -------------------------------------------------------------------------


@dataclass
class Getter:
    """A task that runs queue.get()."""

    task: asyncio.Task[Any]
    queue: int
    made: float
    ended: float | None = None


@dataclass
class Item:
    """What became of an item, and when."""

    name: str
    queue: int
    put: float
    taken: float | None = None
    getter: Getter | None = None  # that took it, if it was not the loop itself
    received: float | None = None
    worked: float | None = None  # until when the loop worked on it

    @property
    def fate(self) -> str:
        """How it ended."""
        if self.received is not None:
            return "received"
        return "still there" if self.taken is None else "lost"


@dataclass
class Run:
    """What is known of a program's run."""

    loop: asyncio.AbstractEventLoop
    queues: list[asyncio.Queue[str]] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    getters: list[Getter] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  # what it printed
    consumer: asyncio.Task[Any] | None = None
    stop: float | None = None

    def now(self) -> float:
        """Seconds since the start."""
        return round(self.loop.time(), 3)

    def put(self, queue: asyncio.Queue[str], name: str) -> None:
        """An item is in a queue."""
        self.items[name] = Item(name, self.queues.index(queue), self.now())

    def take(self, name: str) -> None:
        """An item is out of its queue; what is taken after the stop is no part of the story."""
        if self.stop is None:
            task, item = asyncio.current_task(), self.items[name]
            item.taken = self.now()
            item.getter = next((getter for getter in self.getters if getter.task is task), None)

    def print(self, *words: object) -> None:
        """The program says what it received; any other line comes after the stop."""
        match words:
            case ("received", str(name)):
                self.items[name].received = self.now()
                self.consumer = asyncio.current_task()
            case _ if self.lines[-1].startswith("received"):
                self.stop = self.now()
        self.lines.append(" ".join(map(str, words)))

    def slept(self) -> None:
        """After each sleep: that of the consumer is its work on the item it received last."""
        if asyncio.current_task() is self.consumer:
            latest = [item for item in self.items.values() if item.received is not None]
            max(latest, key=lambda item: item.received or 0).worked = self.now()

    def new_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        """The loop's task factory: it knows a task that runs queue.get()."""
        task = asyncio.Task(coroutine, loop=loop, **options)
        frame = getattr(coroutine, "cr_frame", None)
        if frame is not None and (queue := frame.f_locals.get("self")) in self.queues:
            getter = Getter(task, self.queues.index(queue), self.now())
            task.add_done_callback(lambda _: setattr(getter, "ended", self.now()))
            self.getters.append(getter)
        return task


class VirtualClock(selectors.SelectSelector):
    """Never blocks: where another would sleep, it advances its clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Move on by as much as the loop would sleep."""
        assert timeout is not None, "every task waits, and no timer is set"  # noqa: S101
        self.now += max(timeout, 0)
        return super().select(0)


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop on that clock."""
    clock = VirtualClock()
    loop = asyncio.SelectorEventLoop(clock)
    loop.time = lambda: clock.now  # type: ignore[method-assign]
    return loop


@contextlib.contextmanager
def recorded(run: Run) -> Iterator[None]:
    """Queues, sleeps and prints tell the run what they do."""

    class Queue(asyncio.Queue[str]):
        def _init(self, maxsize: int) -> None:
            super()._init(maxsize)
            run.queues.append(self)

        def _put(self, item: str) -> None:
            super()._put(item)
            run.put(self, item)

        def _get(self) -> str:
            item = super()._get()
            run.take(item)
            return item

    sleep = asyncio.sleep

    async def recorded_sleep(seconds: float) -> None:
        try:
            await sleep(seconds)
        finally:
            run.slept()

    with (
        mock.patch.object(asyncio, "Queue", Queue),
        mock.patch.object(asyncio, "sleep", recorded_sleep),
        mock.patch.object(builtins, "print", run.print),
    ):
        yield


def record(program: str) -> Run:
    """Run a program of docs/examples, and say what happened."""
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    main = importlib.import_module(program).main
    with asyncio.Runner(loop_factory=new_loop) as runner:
        run = Run(runner.get_loop())
        run.loop.set_task_factory(run.new_task)  # type: ignore[arg-type]
        with recorded(run):
            runner.run(main())
    return run


# -- the record is drawn -----------------------------------------------------------------------

LEFT, RIGHT, SECOND = 44, 44, 100  # pixels: for the lanes' names, for what is left, for a second
TOP, LANE, BAR = 34, 30, 20
# The colours are those of the site; where the file is shown alone, those after them.
STYLE = """
.timeline { width: 100%; max-width: 27rem; height: auto; color-scheme: light dark; }
.timeline text { font: 13px var(--font-stack, sans-serif); fill: currentColor; }
.timeline { color: var(--color-foreground-primary, light-dark(#000, #cfd0d0)); }
.timeline .time text { fill: var(--color-foreground-secondary, light-dark(#5a5c63, #9ca0a5)); }
.timeline .time line { stroke: var(--color-background-border, light-dark(#eeebee, #303335)); }
.timeline .stop line { stroke: currentColor; stroke-width: 1.5; }
.timeline .getter { stroke: var(--color-foreground-muted, light-dark(#6b6f76, #81868d)); }
.timeline .getter { stroke-dasharray: 2 3; }
.timeline .move { stroke: currentColor; }
.timeline .put, .timeline .head { fill: currentColor; }
.timeline .name { stroke: var(--color-background-primary, light-dark(#fff, #131416)); }
.timeline .name { stroke-width: 4; }
.timeline .name { paint-order: stroke; }
.timeline rect { fill: var(--color-background-secondary, light-dark(#f8f9fb, #1a1c1e)); }
.timeline .queued rect { stroke: var(--color-brand-primary, light-dark(#0a4bff, #3d94ff)); }
.timeline .queued rect { stroke-width: 1.5; }
.timeline .held rect { stroke: var(--color-foreground-muted, light-dark(#6b6f76, #81868d)); }
.timeline .held rect { stroke-width: 1.5; }
.timeline .work rect { fill: var(--color-brand-primary, light-dark(#0a4bff, #3d94ff)); }
.timeline .work rect { stroke: var(--color-background-primary, light-dark(#fff, #131416)); }
.timeline .work text { fill: var(--color-background-primary, light-dark(#fff, #131416)); }
.timeline .lost { color: var(--color-problematic, light-dark(#b30000, #ee5151)); }
.timeline .lost rect { stroke: currentColor; stroke-width: 1.5; stroke-dasharray: 5 3; }
.timeline .lost path { stroke: currentColor; stroke-width: 2.5; }
.timeline .lost text { font-weight: bold; }
"""


def x(time: float) -> str:
    """Where a time is, from left to right."""
    return f"{LEFT + time * SECOND:g}"


class Drawing:
    """Lanes from top to bottom: each queue, under it the tasks that get from it; the loop."""

    def __init__(self, run: Run) -> None:
        assert run.stop is not None  # noqa: S101
        self.run = run
        self.stop = run.stop
        self.lanes = list[str]()
        self.of_queue = list[int]()
        self.of_getter = dict[int, int]()
        for number in range(len(run.queues)):
            self.of_queue.append(len(self.lanes))
            self.lanes.append(f"c{number + 1}")
            self._place([getter for getter in run.getters if getter.queue == number])
        self.of_loop = len(self.lanes)
        self.lanes.append("loop")

    def _place(self, getters: list[Getter]) -> None:
        """Give each getter a lane; two may share one if the first is over when the second comes."""
        over = dict[int, float]()
        for getter in getters:
            free = [lane for lane, end in over.items() if end <= getter.made]
            lane = free[0] if free else len(self.lanes)
            if not free:
                self.lanes.append("task")
            self.of_getter[id(getter)] = lane
            over[lane] = self._held_until(getter)

    def _held_until(self, getter: Getter) -> float:
        """A task is over when it has ended, and what it took has been received."""
        for item in self.run.items.values():
            if item.getter is getter:
                return self.stop if item.received is None else item.received
        return self.stop if getter.ended is None else getter.ended

    def _height(self) -> int:
        return TOP + LANE * len(self.lanes)

    def _middle(self, lane: int) -> int:
        return TOP + LANE * lane + LANE // 2

    def svg(self, program: str) -> str:
        """The whole picture."""
        name = program.replace("_", "-")
        width = int(LEFT + self.stop * SECOND + RIGHT)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {self._height()}"',
            f'class="timeline" role="img" aria-labelledby="{name}-title {name}-desc">',
            f'<title id="{name}-title">{escape(PROGRAMS[program])}: a run of {program}.py</title>',
            f'<desc id="{name}-desc">{escape(self._in_words())}</desc>',
            f"<style>{STYLE}</style>",
            *self._time(),
            *self._names(),
            *[part for getter in self.run.getters for part in self._getter(getter)],
            *[part for item in self.run.items.values() for part in self._moves(item)],
            *[part for item in self.run.items.values() for part in self._places(item)],
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def _in_words(self) -> str:
        """The same for those who don't see it."""
        sentences = []
        for item in self.run.items.values():
            sentence = f"At {item.put:g} s {item.name} is put into c{item.queue + 1}"
            if item.getter is not None:
                sentence += f", at {item.taken:g} s a task takes it"
            if item.received is not None:
                sentence += f", at {item.received:g} s the loop receives it"
            else:
                sentence += f", at the stop it is {item.fate}"
            sentences.append(sentence + ".")
        return " ".join([*sentences, f"The loop is stopped at {self.stop:g} s."])

    def _time(self) -> Iterator[str]:
        bottom = self._height()
        yield '<g class="time">'
        for half in range(int(self.stop * 2)):
            at = x(half / 2)
            yield f'<line x1="{at}" y1="{TOP - 8}" x2="{at}" y2="{bottom}"/>'
            yield f'<text x="{at}" y="{TOP - 14}" text-anchor="middle">{half / 2:g} s</text>'
        yield "</g>"
        at = x(self.stop)
        yield f'<g class="stop"><line x1="{at}" y1="{TOP - 8}" x2="{at}" y2="{bottom}"/>'
        yield f'<text x="{at}" y="{TOP - 14}" text-anchor="middle">stop</text></g>'

    def _names(self) -> Iterator[str]:
        for lane, name in enumerate(self.lanes):
            yield f'<text x="0" y="{self._middle(lane) + 4}">{name}</text>'

    def _getter(self, getter: Getter) -> Iterator[str]:
        """The time that a task waits for an item."""
        y = self._middle(self.of_getter[id(getter)])
        end = self.stop if getter.ended is None else getter.ended
        if end > getter.made:
            yield f'<line class="getter" x1="{x(getter.made)}" y1="{y}" x2="{x(end)}" y2="{y}"/>'

    def _moves(self, item: Item) -> Iterator[str]:
        """From the queue to the task, and from there to the loop."""
        y = self._middle(self.of_queue[item.queue])
        if item.getter is not None and item.taken is not None:
            below = self._middle(self.of_getter[id(item.getter)])
            at_once = item.received == item.taken
            yield self._move(item.taken, y, below if at_once else below - BAR // 2)
            y = below
        if item.received is not None:
            yield self._move(item.received, y, self._middle(self.of_loop) - BAR // 2)

    def _move(self, time: float, start: int, end: int) -> str:
        at = x(time)
        return (
            f'<line class="move" x1="{at}" y1="{start}" x2="{at}" y2="{end}"/>'
            f'<path class="head" d="M{at} {end}l-4 -7h8z"/>'
        )

    def _places(self, item: Item) -> Iterator[str]:
        """Where an item is, from when until when."""
        lane = self.of_queue[item.queue]
        until = self.stop if item.taken is None else item.taken
        if until > item.put:
            yield self._bar("queued", lane, item.put, until)
            if item.taken is None:
                yield self._at_the_end(lane, "kept")
        yield f'<circle class="put" cx="{x(item.put)}" cy="{self._middle(lane)}" r="4"/>'
        yield self._word(lane, item.put - 0.08, item.name, ' class="name" text-anchor="end"')
        if item.getter is not None and item.taken is not None:
            lane = self.of_getter[id(item.getter)]
            if item.received is None:
                yield '<g class="lost">' + self._bar("held", lane, item.taken, self.stop, item.name)
                yield self._cross(lane) + self._at_the_end(lane, "lost") + "</g>"
            elif item.received > item.taken:
                yield self._bar("held", lane, item.taken, item.received)
        if item.received is not None and item.worked is not None:
            yield self._bar("work", self.of_loop, item.received, item.worked, item.name)

    def _bar(self, kind: str, lane: int, start: float, end: float, word: str = "") -> str:
        y = self._middle(lane) - BAR // 2
        width = f"{(end - start) * SECOND:g}"
        inside = self._word(lane, start + 0.08, word) if word else ""
        return (
            f'<g class="{kind}"><rect x="{x(start)}" y="{y}" width="{width}" height="{BAR}"/>'
            f"{inside}</g>"
        )

    def _word(self, lane: int, time: float, word: str, more: str = "") -> str:
        return f'<text x="{x(time)}" y="{self._middle(lane) + 4}"{more}>{escape(word)}</text>'

    def _at_the_end(self, lane: int, word: str) -> str:
        return f'<text x="{x(self.stop + 0.1)}" y="{self._middle(lane) + 4}">{word}</text>'

    def _cross(self, lane: int) -> str:
        """Not by colour alone: an X at the end of what is lost."""
        return f'<path d="M{x(self.stop - 0.06)} {self._middle(lane) - 6}l12 12m0 -12l-12 12"/>'


def draw() -> dict[str, str]:
    """Every file's name, and what it holds."""
    return {f"{program}.svg": Drawing(record(program)).svg(program) for program in PROGRAMS}


if __name__ == "__main__":
    for name, text in draw().items():
        (HERE / name).write_text(text, encoding="utf-8", newline="\n")
