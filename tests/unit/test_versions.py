"""The service and the schema of a release have the same version, which the changelog names."""

from __future__ import annotations

import re
import tomllib

from tests.support.service_process import PROJECT

SCHEMA = PROJECT / "supabase" / "migrations" / "20261123010060_setup_versions.sql"


def test_the_schema_has_the_version_of_the_service() -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    text = SCHEMA.read_text(encoding="utf-8")
    function = text[text.index("create function monitoring.schema_version()") :].partition("$$;")[0]
    assert re.findall(r"select '(.*)'", function) == [version]


def test_the_newest_version_of_the_changelog_is_that_of_the_service() -> None:
    """Until it is released, it may be under the heading Unreleased."""
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = re.findall(r"^## (.*)$", (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    newest = [heading for heading in headings if not heading.startswith("Unreleased")]
    assert headings
    assert newest[:1] == [] or version in newest[0]
