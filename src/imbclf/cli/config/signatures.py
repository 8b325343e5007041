"""Parameters of a callable, read from its source without importing it.

Importing torch or Lightning takes seconds; a mistyped option should be reported at once.
"""

import ast
import importlib.util
from functools import cache
from pathlib import Path

from imbclf.errors import UserError

Parameters = dict[str, str | None]
Found = tuple[ast.ClassDef | ast.FunctionDef, Path]


def parameters(target: str) -> Parameters | None:
    """Return the parameters of a class or function, by its dotted name, with their annotations.

    None where the source does not define them: not found, written in C, or taking `**kwargs`.

    >>> parameters("imbclf.errors.nothing") is None
    True
    >>> parameters("imbclf.utils.files.write_text")
    {'path': 'Path', 'text': 'str'}
    """
    package, *names = target.split(".")
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    found = _find(Path(spec.origin), tuple(names))
    return None if found is None else _parameters_of(*found)


@cache
def _definitions(module: Path) -> list[ast.stmt]:
    """Return the statements of a module, then those of its stub, which lists lazy imports."""
    sources = [module, module.with_suffix(".pyi")]
    return [statement for file in sources if file.exists() for statement in _parsed(file).body]


def _parsed(file: Path) -> ast.Module:
    """Parse a module.

    Raises:
        UserError: it is not Python; the message has file and line.
    """
    try:
        return ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError) as error:  # the latter for null bytes in some versions
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UserError(f"{file}{line}: cannot be imported: {reason}") from error


def _find(module: Path, names: tuple[str, ...], depth: int = 0) -> Found | None:
    """Follow names through sub-modules and re-exports to a definition."""
    if not names or depth > 20:
        return None
    name, *rest = names
    if rest and (below := _submodule(module, name)) is not None:
        return _find(below, tuple(rest), depth + 1)
    for node in _definitions(module):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name and not rest:
            return node, module
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name != "*" and (alias.asname or alias.name) != name:
                    continue
                source = _imported(module, node)
                original = name if alias.name == "*" else alias.name
                found = source and _find(source, (original, *rest), depth + 1)
                if found:
                    return found
    return None


def _submodule(module: Path, name: str) -> Path | None:
    if module.name != "__init__.py":
        return None
    for path in (module.parent / f"{name}.py", module.parent / name / "__init__.py"):
        if path.exists():
            return path
    return None


def _imported(module: Path, node: ast.ImportFrom) -> Path | None:
    """Return the file that a `from ... import` names."""
    parts = (node.module or "").split(".") if node.module else []
    if node.level:
        folder = module.parents[node.level - 1]
    else:
        spec = importlib.util.find_spec(parts[0])
        if spec is None or spec.origin is None:
            return None
        folder, parts = Path(spec.origin).parent, parts[1:]
    path = folder.joinpath(*parts)
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.exists():
            return candidate
    return None


def _parameters_of(node: ast.ClassDef | ast.FunctionDef, module: Path) -> Parameters | None:
    if isinstance(node, ast.FunctionDef):
        return _arguments(node)
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            return _arguments(part)
    if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        return {
            part.target.id: ast.unparse(part.annotation)
            for part in node.body
            if isinstance(part, ast.AnnAssign)
            and isinstance(part.target, ast.Name)
            and "init=False" not in ast.unparse(part)
        }
    for base in node.bases:
        found = _find(module, tuple(ast.unparse(base).split(".")))
        if found is not None:
            return _parameters_of(*found)
    return None


def _arguments(function: ast.FunctionDef) -> Parameters | None:
    arguments = function.args
    if arguments.kwarg is not None:
        return None
    return {
        argument.arg: ast.unparse(argument.annotation) if argument.annotation else None
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        if argument.arg != "self"
    }
