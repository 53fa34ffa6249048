"""Pages for browsers: Accept-header negotiation, rendering of templates, and the policy of what a page may load."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib.resources import files
from math import floor
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from app.status import charts
from app.status.words import duration, milliseconds, percent, tone
from app.supabase.errors import ResponseError, SupabaseError

_UNREACHABLE = "The database does not answer."
_REFUSED = "The database rejects the service; the service's log contains the reason."
_STOPPED = "The scheduler has stopped: no health checks run, and the state of the targets does not change."
_UNJUDGED = "The responses to health checks are not judged: outages are not noticed. An incident says why."
_MOST_COUNTED = 10_000  # open incidents of a severity, by status_summary()
_COUNTED_EACH = timedelta(hours=2)  # a job counts the hours of targets each hour
NO_SITE = {"title": "Status", "logo": None}  # until the database has said what the product is called
_SPARK_WIDTH = 120.0
_SPARK_HEIGHT = 28.0


def prefers_html(accept: str) -> bool:
    """Accept-header negotiation: whether HTML ranks above JSON. `*/*`, which curl sends, means JSON."""
    weights = dict(_media_range(part) for part in accept.lower().split(",")[:50])
    html = max(weights.get("text/html", 0.0), weights.get("application/xhtml+xml", 0.0))
    return html > weights.get("application/json", 0.0)


def _media_range(part: str) -> tuple[str, float]:
    media_type, *parameters = (each.strip() for each in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media_type, float(value)
            except ValueError:
                return media_type, 0.0
    return media_type, 1.0


def _ago(moment: str | None, now: datetime) -> str:
    if not moment:
        return "never"
    return f"{duration((now - datetime.fromisoformat(moment)).total_seconds())} ago"


def _expected(moment: str | None, now: datetime) -> str:
    """When the next heartbeat is expected."""
    if not moment:
        return "no heartbeat is expected"
    seconds = (datetime.fromisoformat(moment) - now).total_seconds()
    return f"expected in {duration(seconds)}" if seconds >= 0 else f"expected {duration(-seconds)} ago"


def _counted(number: int | str) -> str:
    """A number of open incidents, which are counted up to a limit."""
    if isinstance(number, str):
        return number
    return f"{number:,}{'+' if number >= _MOST_COUNTED else ''}"


def _uncounted(figures_at: str | None, now: datetime) -> str:
    """When the hours of a target were last counted, if that is long ago: its uptime is as old."""
    if not figures_at or now - datetime.fromisoformat(figures_at) <= _COUNTED_EACH:
        return ""
    return f"uptime as of {_ago(figures_at, now)}"


def _count_bad_days(days: Sequence[Mapping[str, Any]]) -> int:
    return sum(day["status"] in ("degraded", "down") for day in days)


def _count_gaps(days: Sequence[Mapping[str, Any]]) -> int:
    return sum(tone(day["status"]) == "none" for day in days)


def _until(moment: str | None) -> str:
    """The end of a pause, if it has one."""
    return f" until {datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else ""


def _utc(moment: str) -> str:
    """2026-11-27 12:00 UTC: a time for everybody."""
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _segment(text: str) -> str:
    """The text as one segment of a path, or as the value of a parameter."""
    return quote(text, safe="")


def _seen_from(places: Sequence[str] | None) -> str:
    """Who looked in the last round."""
    return f"seen from the {' and the '.join(places)}" if places else ""


def _certificate(target: Mapping[str, Any], now: datetime) -> str:
    """The days that the certificate of a target is valid, who issued it, and why clients reject it."""
    parts, expires_at = [], target.get("certificate_expires_at")
    if expires_at:
        seconds = (datetime.fromisoformat(expires_at) - now).total_seconds()
        days = floor(abs(seconds) / 86_400)
        unit = "day" if days == 1 else "days"
        parts.append(
            f"certificate valid for {days} {unit}" if seconds > 0 else f"certificate expired {days} {unit} ago"
        )
    if target.get("certificate_issuer"):
        parts.append(f"issued by {target['certificate_issuer']}")
    if target.get("certificate_problem"):
        parts.append(str(target["certificate_problem"]))
    return ", ".join(parts)


def _by_group(targets: Sequence[Mapping[str, Any]]) -> list[tuple[str | None, list[Mapping[str, Any]]]]:
    """The targets of each group, in the order of its first target; those without a group last."""
    groups: dict[str | None, list[Mapping[str, Any]]] = {}
    for target in targets:
        groups.setdefault(target.get("group_name"), []).append(target)
    return sorted(groups.items(), key=lambda group: group[0] is None)


def _bars(days: Sequence[Mapping[str, Any]]) -> Markup:
    """One bar per day, with a tooltip unless the day is up. In a template loop this takes ten times as long.

    A day without data is a gap: a short bar at the bottom.
    """
    bars = []
    for index, day in enumerate(days):
        title = "" if day["status"] == "up" else f"<title>{day['day']}: {percent(day['uptime_percent'])}</title>"
        name = tone(day["status"])
        gap = ' y="24"' if name == "none" else ""
        bars.append(f'<rect class="{name}" x="{index * 4}"{gap}>{title}</rect>')
    return Markup("".join(bars))  # noqa: S704 - dates, numbers and fixed words


def _spark_lines(values: Sequence[float | None]) -> list[str]:
    """The points of one polyline for each stretch without a gap, in a box of 120 by 28."""
    known = [value for value in values if value is not None]
    if not known:
        return []
    top, step = max(*known, 1.0), _SPARK_WIDTH / max(len(values) - 1, 1)
    lines: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            lines.append([])
        else:
            height = 1 + (_SPARK_HEIGHT - 2) * (1 - value / top)
            lines[-1].append(f"{index * step:.1f},{height:.1f}")
    # A single point is drawn as a dash: a polyline needs two.
    return [" ".join(line if len(line) > 1 else [line[0], line[0]]) for line in lines if line]


@dataclass(frozen=True)
class PageWarning:
    """Why the page is not to be relied on, for the title and as a sentence at the top."""

    title: str
    text: str


def find_warnings(
    known: Mapping[str, Any], error: SupabaseError | None, read_at: datetime | None, now: datetime
) -> list[PageWarning]:
    """What readers have to know before they read. read_at is set if the data are older ones, from memory."""
    warnings, database = [], known["database"]
    if error is None:
        shown = ""
    elif read_at is None:
        shown = " This page shows what the service knows without it."
    else:
        shown = f" Incidents and targets are as of {read_at:%H:%M:%S} UTC, {_ago(read_at.isoformat(), now)}."
    if database["state"] == "refused":
        text = f"{database['cause']} {database['remedy']}{shown}"
        warnings.append(PageWarning("Database refuses the service", text))
    elif isinstance(error, ResponseError):
        warnings.append(PageWarning("Database refuses the service", f"{_REFUSED}{shown}"))
    elif error is not None:
        warnings.append(PageWarning("Database unreachable", f"{_UNREACHABLE}{shown}"))
    elif known["version_problem"]:
        warnings.append(PageWarning("Versions differ", known["version_problem"]))
    if known["scheduler"] == "stopped":
        last = _ago(known["scheduler_last_run_at"], now)
        warnings.append(PageWarning("Health checks stopped", f"{_STOPPED} The last round was {last}."))
    elif known["judgement"] == "late":
        last = _ago(known["last_judged_at"], now)
        warnings.append(PageWarning("Health checks are not judged", f"{_UNJUDGED} The last judgement was {last}."))
    return warnings


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("app.status"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=duration,
        ago=_ago,
        expected=_expected,
        milliseconds=milliseconds,
        percent=percent,
        counted=_counted,
        uncounted=_uncounted,
        tone=tone,
        bars=_bars,
        until=_until,
        utc=_utc,
        segment=_segment,
        seen_from=_seen_from,
        certificate=_certificate,
        by_group=_by_group,
        count_bad_days=_count_bad_days,
        count_gaps=_count_gaps,
        spark_lines=_spark_lines,
    )
    return environment


def _source(directive: str, text: str) -> str:
    """The source expression that permits an inline style or script of exactly this text."""
    return f"{directive} 'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


_TEMPLATES = files("app.status") / "templates"
_STYLES = ("site.css", "charts.css", "incidents.css")
# All pages have the same style and script, so that their policy is the same, and a rendered page can be sent again.
_STYLE = "".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in _STYLES)
_SCRIPT = (_TEMPLATES / "site.js").read_text(encoding="utf-8")
_POLICY = (
    f"default-src 'none'; {_source('style-src', _STYLE)}; {_source('script-src', _SCRIPT)}; connect-src 'self'; "
    "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ENVIRONMENT = _environment()
_ENVIRONMENT.filters.update(
    day_bars=charts.day_bars,
    day_picker=charts.day_picker,
    spark_line=charts.spark_line,
    latency_chart=charts.latency_chart,
    hour_bars=charts.hour_bars,
    count_bars=charts.count_bars,
)
_ENVIRONMENT.globals.update(style=Markup(_STYLE), script=Markup(_SCRIPT))  # noqa: S704 - our own files


def render(template: str, view: Mapping[str, Any]) -> str:
    """The document. view contains the variables that the template lists in its first line, and those of base.html."""
    return _ENVIRONMENT.get_template(template).render({"site": NO_SITE, **view})


def html_response(document: str, status: int = 200) -> Response:
    """The document, with a policy that permits its own style, script and forms, and requests to the service."""
    return HTMLResponse(document, status, {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin"})
