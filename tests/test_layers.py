"""Imports obey agent → graphs → tools → {evals, memory}, and lead nowhere back.

A folder imports only to its right. Loading a module never comes back to it; within a folder not
even by way of imports inside functions, or of those for the type checker.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
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
NAMES = {
    ".".join(("tuneos", *p.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): p
    for p in MODULES
}


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


class Loaded(ast.NodeTransformer):
    """Leaves of a module what runs when it is loaded, as far as imports go."""

    def visit_FunctionDef(self, _: ast.FunctionDef) -> None:
        """Gone: runs when it is called."""

    def visit_AsyncFunctionDef(self, _: ast.AsyncFunctionDef) -> None:
        """Gone as well."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """Gone where it is for the type checker."""
        return None if "TYPE_CHECKING" in ast.dump(node.test) else self.generic_visit(node)


def module_of(name: str) -> str:
    """The module of ours that a full name lies in; "" where there is none."""
    while name and name not in NAMES:
        name = name.rpartition(".")[0]
    return name


def links(*, loaded: bool) -> dict[str, set[str]]:
    """The modules that each imports, when it is loaded or at all."""
    found: dict[str, set[str]] = {}
    for name, path in NAMES.items():
        tree: ast.AST = ast.parse(path.read_text(encoding="utf-8"))
        tree = Loaded().visit(tree) if loaded else tree
        package = ("tuneos", *path.relative_to(ROOT).parent.parts)
        found[name] = {module_of(full) for _, full in imported(tree, package)} - {"", name}
    return found


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Some modules that import each other in a circle; [] where none do."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_loading_a_module_never_leads_back_to_it() -> None:
    assert not circle(links(loaded=True))


def test_within_a_folder_no_import_leads_back() -> None:
    folders: dict[Path, dict[str, set[str]]] = defaultdict(dict)
    for name, others in links(loaded=False).items():
        folder = NAMES[name].parent
        folders[folder][name] = {o for o in others if NAMES[o].parent == folder}
    found = {str(f.relative_to(ROOT)): circle(graph) for f, graph in folders.items()}
    assert not {folder: names for folder, names in found.items() if names}


def test_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}


def test_only_what_runs_on_loading_counts_as_loaded() -> None:
    code = "from . import a\nif TYPE_CHECKING:\n from . import b\ndef f():\n from . import c\n"
    tree = Loaded().visit(ast.parse(code))
    assert [name for _, name in imported(tree, ("tuneos", "tools"))] == ["tuneos.tools.a"]


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
