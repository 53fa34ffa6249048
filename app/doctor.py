"""`python -m app.doctor`: checks everything that a deployment needs, with the variables of the service.

Prints one line per check: ok, warning (can be intended) or failed, with the remedy. Changes nothing. The exit status is
0 if nothing failed.
"""

import argparse
import asyncio
import logging
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from app.keys import claims_of, is_opaque_key, role_of
from app.settings import Settings, SettingsError, load_settings
from app.status.snapshot import service_version
from app.supabase.client import SupabaseClient
from app.supabase.errors import SupabaseError
from app.supabase.monitor import DatabaseMonitor
from app.supabase.refusals import refusal_of

_TIMEOUT_SECONDS = 20.0
_PERMISSION_DENIED, _NO_SUCH_FUNCTION = "42501", "PGRST202"
_MOUNTS = Path("/proc/self/mounts")
_IN_MEMORY = ("ramfs", "tmpfs")

Result = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """One line of the output."""

    result: Result
    name: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.result:8} {self.name}: {' '.join(self.sentence.split())}"


async def examine() -> AsyncIterator[Finding]:
    """The findings, each as soon as it is known."""
    try:
        settings = load_settings()
    except SettingsError as error:
        for sentence in error.sentences:
            yield Finding("failed", "variables", sentence)
        return
    yield Finding("ok", "variables", "All required variables are set, and all are well-formed.")
    hosted_ref = _hosted_ref(settings.supabase_url)
    yield _examine_key("SUPABASE_SECRET_KEY", settings.supabase_secret_key, hosted_ref)
    yield _examine_key("SUPABASE_PUBLISHABLE_KEY", settings.supabase_publishable_key, hosted_ref)
    for finding in _examine_spool(settings):
        yield finding
    supabase = SupabaseClient(settings)
    try:
        async for finding in _examine_supabase(supabase, settings.supabase_url):
            yield finding
    finally:
        await supabase.aclose()


def _hosted_ref(url: str) -> str | None:
    """The reference of a hosted project, or None for another host."""
    host = urlsplit(url).hostname or ""
    return host.removesuffix(".supabase.co") if host.endswith(".supabase.co") else None


def _examine_key(variable: str, key: str, hosted_ref: str | None) -> Finding:
    """What the key says about itself. load_settings() has refused one that says that it has another role."""
    if is_opaque_key(key):
        return Finding("ok", variable, f"It is a {'secret' if role_of(key) == 'service_role' else 'publishable'} key.")
    claims = claims_of(key)
    role, expires_at, ref = role_of(key), claims.get("exp"), claims.get("ref")
    renew = "Create one in the dashboard under Settings, API Keys."
    if role is None:
        return Finding("warning", variable, f"It is neither a secret or publishable key nor a legacy key. {renew}")
    if isinstance(expires_at, int | float) and expires_at < datetime.now(UTC).timestamp():
        return Finding("failed", variable, f"The legacy {role} key has expired. {renew}")
    if hosted_ref is not None and isinstance(ref, str) and ref != hosted_ref:
        return Finding("failed", variable, "The key belongs to another project than SUPABASE_URL. Copy both from one.")
    if hosted_ref is not None:
        return Finding("warning", variable, f"It is a legacy {role} key, which Supabase replaces. {renew}")
    return Finding("ok", variable, f"It is a legacy {role} key.")


def _examine_spool(settings: Settings) -> Iterator[Finding]:
    path = settings.spool_path.absolute()
    folder = next(each for each in path.parents if each.exists())
    try:
        free_mb = shutil.disk_usage(folder).free // 2**20
        used_mb = path.stat().st_size // 2**20 if path.is_file() else 0
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape") if _MOUNTS.exists() else ""  # Linux only
    except OSError as error:
        yield Finding("warning", "spool", f"The disk of SPOOL_PATH cannot be examined ({error.strerror}).")
        return
    space = f"{free_mb} MB are free at SPOOL_PATH, and SPOOL_MAX_MB is {settings.spool_max_mb}."
    if free_mb < settings.spool_max_mb - used_mb:
        yield Finding("warning", "disk space", f"{space} Enlarge the volume or lower SPOOL_MAX_MB.")
    else:
        yield Finding("ok", "disk space", space)
    mount, kind = find_mount(mounts, folder.resolve())
    problem = volume_problem(path, mount, kind, os.environ)
    yield Finding("warning" if problem else "ok", "spool", problem or f"SPOOL_PATH is on a disk, mounted at {mount}.")


def find_mount(mounts: str, folder: Path) -> tuple[Path, str]:
    """Where the file system of a folder is mounted, and its type, from the text of /proc/self/mounts."""
    found = (Path("/"), "unknown")
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        mount = Path(point.replace("\\040", " "))
        # Of mounts at the same place, the last one is visible.
        if folder.is_relative_to(mount) and len(mount.parts) >= len(found[0].parts):
            found = (mount, kind)
    return found


def volume_problem(path: Path, mount: Path, kind: str, environ: Mapping[str, str]) -> str | None:
    """Why reports that wait in the spool would not survive a deployment, with the remedy; None if they would."""
    lost = "Reports that wait in the spool are lost with the next deployment."
    volume = environ.get("RAILWAY_VOLUME_MOUNT_PATH")
    if volume and not path.is_relative_to(volume):
        return f"SPOOL_PATH is not on the volume. {lost} Set SPOOL_PATH to a file below {volume}."
    if not volume and any(name.startswith("RAILWAY_") for name in environ):
        return f"The service has no volume. {lost} Attach one, and set SPOOL_PATH to a file on it."
    if kind in _IN_MEMORY:
        return f"SPOOL_PATH is in memory. {lost} Set it to a file on a disk."
    markers = (Path("/.dockerenv"), Path("/run/.containerenv"))
    is_container = "KUBERNETES_SERVICE_HOST" in environ or any(marker.exists() for marker in markers)
    if is_container and not volume and mount == Path("/"):
        return f"SPOOL_PATH is inside the container. {lost} Mount a volume, and set SPOOL_PATH to a file on it."
    return None


async def _examine_supabase(supabase: SupabaseClient, url: str) -> AsyncIterator[Finding]:
    own_version = service_version()
    monitor = DatabaseMonitor(partial(supabase.service_health, own_version), _TIMEOUT_SECONDS)
    state = await monitor.probe()
    if state.state == "down":
        yield Finding("failed", "connection", f"{state.cause} {state.remedy} SUPABASE_URL is {url}.")
        return
    is_answered = bool(monitor.facts)
    if not is_answered:
        yield Finding("failed", "connection", f"{state.cause} {state.remedy}")
    else:
        yield Finding("ok", "connection", f"The database answers the secret key in {state.latency_ms:.0f} ms.")
    yield await _try_publishable_key(supabase)
    if not is_answered:
        return
    versions = f"The service has version {own_version}, the schema {monitor.facts.get('schema_version')}."
    problem = monitor.version_problem
    if problem is None:
        yield Finding("ok", "versions of service and schema", versions)
    else:
        result: Result = "failed" if state.state == "refused" else "warning"
        yield Finding(result, "versions of service and schema", f"{problem.cause} {versions} {problem.remedy}")
    async for finding in _check_installation(supabase):
        yield finding


async def _try_publishable_key(supabase: SupabaseClient) -> Finding:
    name, remedy = "publishable key", "Set SUPABASE_PUBLISHABLE_KEY to the publishable key of the same project."
    try:
        await supabase.try_publishable_key()
    except SupabaseError as error:
        if error.status == 401 and error.code != _PERMISSION_DENIED:
            return Finding("failed", name, f"Supabase does not accept the publishable key. {remedy}")
        if error.code is not None:  # of PostgREST or the database: the gateway has let the key pass
            return Finding("ok", name, "Supabase accepts the publishable key, which alone permits nothing.")
        return Finding("warning", name, f"Supabase does not say whether it accepts the key ({error}). Try again.")
    return Finding("failed", name, f"This key permits what only a secret key may. {remedy}")


async def _check_installation(supabase: SupabaseClient) -> AsyncIterator[Finding]:
    name = "installation"
    try:
        rows = await supabase.check_installation()
    except SupabaseError as error:
        refusal = refusal_of(error)
        sentence = (
            "The schema has no function check_installation(): it is incomplete. Run `supabase db push`."
            if error.code == _NO_SUCH_FUNCTION
            else f"{refusal.cause} {refusal.remedy}"
            if refusal is not None
            else f"The database did not complete its checks ({error}). Try again."
        )
        yield Finding("failed", name, sentence)
        return
    if not isinstance(rows, list) or not rows:
        yield Finding("failed", name, "The response is not that of check_installation(). Is SUPABASE_URL correct?")
        return
    for row in rows:
        members: Mapping[str, object] = row if isinstance(row, Mapping) else {}
        result = members.get("result")
        texts = [str(text) for text in (members.get("sentence"), members.get("remedy")) if text]
        known: Result = result if result in ("ok", "warning") else "failed"
        yield Finding(known, str(members.get("name") or name), " ".join(texts))


async def _print_findings() -> int:
    findings: list[Finding] = []
    async for finding in examine():
        print(finding, flush=True)
        findings.append(finding)
    failed = sum(finding.result == "failed" for finding in findings)
    warnings = sum(finding.result == "warning" for finding in findings)
    notes = [f"{failed} of {len(findings)} checks failed" if failed else "No check failed"]
    notes += [f"{warnings} warning{'' if warnings == 1 else 's'}"] if warnings else []
    print(f"\n{', '.join(notes)}.")
    return 1 if failed else 0


def main() -> int:
    """The exit status."""
    description = __doc__.partition(": ")[2]
    argparse.ArgumentParser(prog="python -m app.doctor", description=description).parse_args()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # sentences contain characters that some encodings lack
    logging.getLogger("app").addHandler(logging.NullHandler())  # the findings say it already
    logging.getLogger("app").propagate = False
    return asyncio.run(_print_findings())


if __name__ == "__main__":
    sys.exit(main())
