"""The files from which `make setup` installs."""

from __future__ import annotations

import ast
import json

from local.system.paths import PROJECT


def test_an_old_python_can_parse_the_setup_script() -> None:
    """Otherwise it would print a syntax error instead of the version that is needed."""
    tree = ast.parse((PROJECT / "local" / "install" / "setup.py").read_text(), feature_version=(3, 4))
    for node in ast.walk(tree):
        assert not isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.NamedExpr | ast.Starred)
        assert not (isinstance(node, ast.FunctionDef) and node.returns)
        assert not (isinstance(node, ast.ImportFrom) and node.module == "__future__")


def test_the_versions_are_pinned_and_name_no_host() -> None:
    pins = [line for line in (PROJECT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all("==" in line and "/" not in line for line in pins)
    for folder in (PROJECT, PROJECT / "local" / "postgres" / "postgres15", PROJECT / "benchmarks" / "express"):
        assert '"resolved"' not in (folder / "package-lock.json").read_text()


def test_the_versions_of_npm_packages_are_exact_and_those_of_the_lock_file() -> None:
    for folder in (PROJECT, PROJECT / "benchmarks" / "express"):
        wanted = json.loads((folder / "package.json").read_text())["dependencies"]
        locked = json.loads((folder / "package-lock.json").read_text())["packages"]
        assert wanted == {name: locked[f"node_modules/{name}"]["version"] for name in wanted}
