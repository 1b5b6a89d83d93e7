"""Types of timers: what every() and after() return."""

from __future__ import annotations

from typing import assert_type

from multi_await import MultiAwait, Source, Timer, after, every, multi_await


def timers_are_sources_of_numbers(beat: Timer) -> Source[int]:
    assert_type(every(1), Timer)
    assert_type(every(1, first=0), Timer)
    assert_type(every(1, 0.5), Timer)
    assert_type(after(0), Timer)
    assert_type(multi_await(beat, after(1)), MultiAwait[int, int])
    return beat


def their_methods(beat: Timer) -> None:
    beat.reset()
    beat.reset(2)
    beat.reset(seconds=0.5)
    beat.stop()
    assert_type(beat.when(), float | None)


def mistakes(beat: Timer) -> None:
    every(1, "0")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    after(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    beat.reset("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Timer()  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage]
