"""What the calls of a `MultiAwait` give, for one to eight sources.

Names for long types, so that an overload fits in a line; a checker shows what is behind them.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, TypeVar, TypeVarTuple

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")
T7 = TypeVar("T7")
T8 = TypeVar("T8")
Ts = TypeVarTuple("Ts")


Failure: TypeAlias = BaseException | None

Values1: TypeAlias = tuple[T1 | None]
Values2: TypeAlias = tuple[T1 | None, T2 | None]
Values3: TypeAlias = tuple[T1 | None, T2 | None, T3 | None]
Values4: TypeAlias = tuple[T1 | None, T2 | None, T3 | None, T4 | None]
Values5: TypeAlias = tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None]
Values6: TypeAlias = tuple[T1 | None, T2 | None, T3 | None, T4 | None, T5 | None, T6 | None]
Values7: TypeAlias = tuple[
    T1 | None, T2 | None, T3 | None, T4 | None, T5 | None, T6 | None, T7 | None
]
Values8: TypeAlias = tuple[
    T1 | None, T2 | None, T3 | None, T4 | None, T5 | None, T6 | None, T7 | None, T8 | None
]

Round1: TypeAlias = tuple[Values1[T1], tuple[Failure]]
Round2: TypeAlias = tuple[Values2[T1, T2], tuple[Failure, Failure]]
Round3: TypeAlias = tuple[Values3[T1, T2, T3], tuple[Failure, Failure, Failure]]
Round4: TypeAlias = tuple[Values4[T1, T2, T3, T4], tuple[Failure, Failure, Failure, Failure]]
Round5: TypeAlias = tuple[
    Values5[T1, T2, T3, T4, T5], tuple[Failure, Failure, Failure, Failure, Failure]
]
Round6: TypeAlias = tuple[
    Values6[T1, T2, T3, T4, T5, T6], tuple[Failure, Failure, Failure, Failure, Failure, Failure]
]
Round7: TypeAlias = tuple[
    Values7[T1, T2, T3, T4, T5, T6, T7],
    tuple[Failure, Failure, Failure, Failure, Failure, Failure, Failure],
]
Round8: TypeAlias = tuple[
    Values8[T1, T2, T3, T4, T5, T6, T7, T8],
    tuple[Failure, Failure, Failure, Failure, Failure, Failure, Failure, Failure],
]

Event1: TypeAlias = tuple[Literal[0], T1]
Event2: TypeAlias = Event1[T1] | tuple[Literal[1], T2]
Event3: TypeAlias = Event2[T1, T2] | tuple[Literal[2], T3]
Event4: TypeAlias = Event3[T1, T2, T3] | tuple[Literal[3], T4]
Event5: TypeAlias = Event4[T1, T2, T3, T4] | tuple[Literal[4], T5]
Event6: TypeAlias = Event5[T1, T2, T3, T4, T5] | tuple[Literal[5], T6]
Event7: TypeAlias = Event6[T1, T2, T3, T4, T5, T6] | tuple[Literal[6], T7]
Event8: TypeAlias = Event7[T1, T2, T3, T4, T5, T6, T7] | tuple[Literal[7], T8]

OpenRound: TypeAlias = tuple[list[Any], list[Failure]]
AnyRound: TypeAlias = tuple[tuple[T | None, ...], tuple[Failure, ...]]
