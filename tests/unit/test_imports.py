"""Imports go down through the packages: no cycle, no upward import, and `app` imports nothing of `local`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.system.paths import PROJECT

# From top to bottom: packages, or modules that are in none. A module may import from its own package and from lower
# lines; the entries of one line do not import each other. A __main__.py is above them all.
LAYERS = {
    "app": [
        ["app.main"],
        ["app.doctor", "app.lifespan", "app.routes", "app.smoke"],
        ["app.state"],
        ["app.web"],
        ["app.status"],
        ["app.ingest", "app.looks"],
        ["app.spool"],
        ["app.supabase"],
        ["app.logs", "app.metrics", "app.problems", "app.settings", "app.supervisor"],
        ["app.keys"],
    ],
    "local": [
        ["local.commands"],
        ["local.demo"],
        ["local.stack", "local.install"],
        ["local.postgres"],
        ["local.emulators"],
        ["local.system"],
    ],
}
FORBIDDEN = {"app": ["benchmarks", "local", "psycopg", "tests"], "local": ["benchmarks", "tests"]}


@dataclass(frozen=True)
class Import:
    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


@dataclass
class Modules:
    """The modules below a folder, with what they import; `import` statements inside functions count as
    well.
    """

    names: set[str] = field(default_factory=set)
    imports: list[Import] = field(default_factory=list)

    def resolve(self, name: str) -> str | None:
        """The module that a dotted name refers to: `local.system.paths.LOCAL` is in `local.system.paths`."""
        while name and name not in self.names:
            name = name.rpartition(".")[0]
        return name or None

    def graph(self) -> dict[str, set[str]]:
        graph: dict[str, set[str]] = {name: set() for name in self.names}
        for each in self.imports:
            imported = self.resolve(each.imported)
            if imported is not None and imported != each.importer:
                graph[each.importer].add(imported)
        return graph


def read_modules(folder: Path, package: str) -> Modules:
    modules = Modules()
    for path in sorted((folder / package).rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        modules.names.add(name)
        parent = name if is_package else name.rpartition(".")[0]
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules.imports += [Import(name, imported, line) for imported, line in imported_names(tree, parent)]
    return modules


def imported_names(tree: ast.AST, parent: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = parent.split(".")[: len(parent.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def find_cycle(graph: dict[str, set[str]]) -> list[str] | None:
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str] | None:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return None
        for imported in sorted(graph[module]):
            cycle = visit(imported, [*path, module])
            if cycle is not None:
                return cycle
        done.add(module)
        return None

    return next((cycle for module in sorted(graph) if (cycle := visit(module, [])) is not None), None)


def find_upward_imports(modules: Modules, layers: list[list[str]]) -> list[Import]:
    """Imports of a higher package, of another package in the same layer, or of a module above the
    packages.
    """
    upward = []
    for each in modules.imports:
        imported = modules.resolve(each.imported)
        if imported is None:
            continue
        source, target = position(each.importer, layers), position(imported, layers)
        if target < source or (target == source and package_of(each.importer, layers) != package_of(imported, layers)):
            upward.append(each)
    return upward


def package_of(module: str, layers: list[list[str]]) -> str | None:
    packages = [package for layer in layers for package in layer]
    return next((each for each in packages if f"{module}.".startswith(f"{each}.")), None)


def position(module: str, layers: list[list[str]]) -> int:
    """0 is the top: what belongs to no package."""
    package = package_of(module, layers)
    return next((number for number, layer in enumerate(layers, start=1) if package in layer), 0)


@pytest.mark.parametrize("package", LAYERS)
def test_every_package_and_module_is_in_a_layer(package: str) -> None:
    folder = PROJECT / package
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    modules = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("__")}
    assert {f"{package}.{name}" for name in packages | modules} == {each for layer in LAYERS[package] for each in layer}


@pytest.mark.parametrize("package", LAYERS)
def test_there_is_no_import_cycle(package: str) -> None:
    assert find_cycle(read_modules(PROJECT, package).graph()) is None


@pytest.mark.parametrize("package", LAYERS)
def test_there_is_no_upward_import(package: str) -> None:
    assert [str(each) for each in find_upward_imports(read_modules(PROJECT, package), LAYERS[package])] == []


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_does_not_import_what_is_forbidden_to_it(package: str) -> None:
    imports = read_modules(PROJECT, package).imports
    found = [str(each) for each in imports if each.imported.partition(".")[0] in FORBIDDEN[package]]
    assert found == []


def test_these_checks_find_what_they_look_for(tmp_path: Path) -> None:
    for name, text in {
        "top/__init__.py": "",
        "top/main.py": "import top.high.a",
        "top/high/__init__.py": "",
        "top/high/a.py": "from top.low import b\nfrom . import c\nimport top.main",
        "top/high/c.py": "",
        "top/beside/__init__.py": "from ..high.c import anything",
        "top/low/__init__.py": "",
        "top/low/b.py": "def f():\n    from top.high.a import anything",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    modules = read_modules(tmp_path, "top")
    layers = [["top.high", "top.beside"], ["top.low"]]
    assert [str(each) for each in find_upward_imports(modules, layers)] == [
        "top.beside:1 imports top.high.c.anything",
        "top.high.a:3 imports top.main",
        "top.low.b:2 imports top.high.a.anything",
    ]
    assert find_cycle(modules.graph()) == ["top.high.a", "top.low.b", "top.high.a"]
    modules.imports = [each for each in modules.imports if each.importer not in ("top.low.b", "top.main")]
    assert find_cycle(modules.graph()) is None
