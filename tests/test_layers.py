"""Imports obey agent → graphs → tools → {evals, memory}: a folder imports only to its right."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "agent": {"graphs", "tools", "evals", "memory"},
    "graphs": {"tools", "evals", "memory"},
    "tools": {"evals", "memory"},
    "evals": set(),
    "memory": set(),
}
MODULES = [p for layer in MAY_IMPORT for p in sorted((ROOT / layer).rglob("*.py"))]


def absolute(node: ast.ImportFrom, package: tuple[str, ...]) -> str:
    """The full name of what `from … import` names, dots resolved against the package."""
    if not node.level:
        return node.module or ""
    parts = package[: len(package) - node.level + 1]
    return ".".join((*parts, *(node.module or "").split("."))).strip(".")


def imported(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Line and full name of each import, also of those inside functions.

    `from .. import tools` counts as an import of tools, too.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, package)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def layer_of(name: str) -> str | None:
    """The layer that a module of ours lies in."""
    first, _, rest = name.partition(".")
    return rest.split(".")[0] if first == "tuneos" else None


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_folder_imports_only_to_its_right(layer: str) -> None:
    wrong = []
    for path in (p for p in MODULES if p.relative_to(ROOT).parts[0] == layer):
        package = ("tuneos", *path.relative_to(ROOT).parent.parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line, name in imported(tree, package):
            target = layer_of(name)
            if target is not None and target not in MAY_IMPORT[layer] | {layer}:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong


def test_every_import_of_ours_names_a_layer() -> None:
    for path in MODULES:
        package = ("tuneos", *path.relative_to(ROOT).parent.parts)
        for line, name in imported(ast.parse(path.read_text(encoding="utf-8")), package):
            assert layer_of(name) in {None, *MAY_IMPORT}, f"{path}:{line} imports {name}"


@pytest.mark.parametrize(
    ("code", "package", "names"),
    [
        ("from ..tools.x import y", ("tuneos", "agent"), ["tuneos.tools.x.y"]),
        ("from .. import tools", ("tuneos", "agent"), ["tuneos.tools"]),
        ("from . import y", ("tuneos", "tools", "jobs"), ["tuneos.tools.jobs.y"]),
        ("from ...evals import m", ("tuneos", "tools", "jobs"), ["tuneos.evals.m"]),
        ("import tuneos.graphs.build", ("tuneos", "agent"), ["tuneos.graphs.build"]),
        ("def f():\n from tuneos.agent import x", ("tuneos", "memory"), ["tuneos.agent.x"]),
    ],
)
def test_relative_imports_are_resolved(
    code: str, package: tuple[str, ...], names: list[str]
) -> None:
    assert [name for _, name in imported(ast.parse(code), package)] == names
