"""A function fits a screen (CONTRIBUTING.md): at most 50 lines, its docstring aside."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 50  # lines
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: str) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, Function))


def lines(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def length(function: Function) -> int:
    documented = ast.get_docstring(function, clean=False) is not None
    return lines(function) - (lines(function.body[0]) if documented else 0)


def test_lines_are_counted_with_nested_functions_and_without_the_docstring() -> None:
    source = 'def outer():\n    """One.\n\n    Two.\n    """\n    def inner():\n        pass\n'
    assert [(one.name, length(one)) for one in functions(source)] == [("outer", 3), ("inner", 2)]


@pytest.mark.parametrize("folder", ["src", "scripts"])
def test_every_function_fits_a_screen(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    found = [
        f"{file.relative_to(ROOT)}:{function.lineno}: {function.name} has {length(function)} lines"
        for file in files
        for function in functions(file.read_text(encoding="utf-8"))
        if length(function) > LONGEST
    ]
    assert not found, "\n".join(found)
