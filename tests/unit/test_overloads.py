"""The overloads of the typed face follow one pattern: a slip in a long line would go unnoticed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from multi_await import _multi_await

TREE = ast.parse(Path(_multi_await.__file__).read_text(encoding="utf-8"))
ARITIES = range(1, 9)


def overloads(name: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node
        for node in ast.walk(TREE)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name == name
        and [ast.unparse(decorator) for decorator in node.decorator_list] == ["overload"]
    ]


def types(name: str) -> dict[str, str]:
    """What each overload of a method returns, by the type of its `self`."""
    found = overloads(name)
    shown = {
        ast.unparse(node.args.args[0].annotation or ast.Constant(None)): ast.unparse(
            node.returns or ast.Constant(None)
        )
        for node in found
    }
    assert len(shown) == len(found) == 11
    return shown


def each(number: int, item: str) -> str:
    items = [item.format(source=n, position=n - 1) for n in range(1, number + 1)]
    return f"tuple[{', '.join(items)}]"


def sources(number: int) -> str:
    return each(number, "T{source}").removeprefix("tuple")


@pytest.mark.parametrize("name", ["get", "get_nowait"])
@pytest.mark.parametrize("number", ARITIES)
def test_a_rounds_type_has_a_value_and_a_failure_per_source(name: str, number: int) -> None:
    values, failures = each(number, "T{source} | None"), each(number, "BaseException | None")
    assert types(name)[f"MultiAwait{sources(number)}"] == f"tuple[{values}, {failures}]"


@pytest.mark.parametrize("number", ARITIES)
def test_the_type_of_get_or_raise_has_a_value_per_source(number: int) -> None:
    values = each(number, "T{source} | None")
    assert types("get_or_raise")[f"MultiAwait{sources(number)}"] == values


@pytest.mark.parametrize(
    ("name", "nothing"), [("select", ""), ("__anext__", ""), ("select_nowait", " | None")]
)
@pytest.mark.parametrize("number", ARITIES)
def test_an_events_type_is_the_union_over_the_sources(name: str, nothing: str, number: int) -> None:
    events = " | ".join(f"tuple[Literal[{n}], T{n + 1}]" for n in range(number))
    assert types(name)[f"MultiAwait{sources(number)}"] == events + nothing


@pytest.mark.parametrize("number", ARITIES)
def test_a_sets_type_takes_one_source_per_position(number: int) -> None:
    made = [f"s{n}: SourceLike[T{n}]" for n in range(1, number + 1)]
    options = "/, *, biased: bool=False"
    of_the_class = ast.unparse(overloads("__init__")[number - 1].args)
    function = overloads("multi_await")[number - 1]
    assert of_the_class == ", ".join([f"self: MultiAwait{sources(number)}", *made, options])
    assert ast.unparse(function.args) == ", ".join([*made, options])
    assert ast.unparse(function.returns or ast.Constant(None)) == f"MultiAwait{sources(number)}"
