"""Pages for browsers: Accept-header negotiation, rendering of templates, and the policy of what a page may load."""

import base64
from collections import Counter
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

from app.status import charts, incidents
from app.status.words import duration, from_now, milliseconds, percent, run_time, show_unseen, tone
from app.supabase.errors import ResponseError, SupabaseError

_OVERALL = {
    "operational": ("All systems operational", "good"),
    "degraded": ("Degraded", "fair"),
    "outage": ("Outage", "bad"),
    "unknown": ("Unknown", "none"),
    "no_targets": ("No targets are checked", "none"),
}
_TONES_BY_URGENCY = ("bad", "disputed", "fair", "none", "info", "good")  # tones of targets
_CALM_STATES = ("in maintenance", "paused", "up")  # in which a target needs no attention, the rarest first
_FEW_TARGETS = 10
_MOST_NAMES = 10  # of targets in one line
_UNREACHABLE = "The database does not answer."
_REFUSED = "The database rejects the service; the service's log contains the reason."
_STOPPED = "The scheduler has stopped: no health checks run, and the state of the targets does not change."
_UNJUDGED = "The responses to health checks are not judged: outages are not noticed. An incident says why."
_MOST_COUNTED = 10_000  # open incidents of a severity, by status_summary()
_COUNTED_EACH = timedelta(hours=2)  # a job counts the hours of targets each hour
NO_SITE = {"title": "Status", "logo": None}  # until the database has said what the product is called


def prefers_html(accept: str) -> bool:
    """Accept-header negotiation: whether HTML ranks above JSON. `*/*`, which curl sends, means JSON."""
    weights = _weights(accept)
    html = max(weights.get("text/html", 0.0), weights.get("application/xhtml+xml", 0.0))
    return html > weights.get("application/json", 0.0)


def accepts_gzip(accept_encoding: str) -> bool:
    """Accept-Encoding negotiation: whether gzip is accepted, and ranks no lower than what is not compressed."""
    weights = _weights(accept_encoding)
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _weights(header: str) -> dict[str, float]:
    """The weight of each choice of an Accept header. One whose weight is no number is refused, as with q=0."""
    return dict(_weighted(part) for part in header.lower().split(",")[:50])


def _weighted(part: str) -> tuple[str, float]:
    choice, *parameters = (each.strip() for each in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return choice, float(value)
            except ValueError:
                return choice, 0.0
    return choice, 1.0


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


def _counted(number: int | str, most: int = _MOST_COUNTED) -> str:
    """A number of incidents, which are counted up to a limit."""
    if isinstance(number, str):
        return number
    return f"{number:,}{'+' if number >= most else ''}"


def _uncounted(figures_at: str | None, now: datetime) -> str:
    """When the hours of a target were last counted, if that is long ago: its uptime is as old."""
    if not figures_at or now - datetime.fromisoformat(figures_at) <= _COUNTED_EACH:
        return ""
    return f"uptime as of {_ago(figures_at, now)}"


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


def _target_state(target: Mapping[str, Any]) -> tuple[str, str]:
    """The word for the state of a target, and its tone."""
    if target.get("is_paused"):
        return "paused", "none"
    if target.get("is_maintenance"):
        return "in maintenance", "info"
    return target["status"], tone(target["status"])


@dataclass(frozen=True)
class TargetGroup:
    """Targets under one heading. words and tone are those of the worst state; others are folded below targets."""

    name: str | None
    targets: Sequence[Mapping[str, Any]]
    others: Sequence[Mapping[str, Any]]
    words: str
    tone: str
    is_foldable: bool
    is_open: bool


def _by_group(targets: Sequence[Mapping[str, Any]]) -> list[TargetGroup]:
    """The targets of each group, in the order of its first target; those without a group last.

    On a page with many targets, groups are folded unless a target in them needs attention; then the others are folded.
    Few targets without any group have no heading.
    """
    groups: dict[str | None, list[Mapping[str, Any]]] = {}
    for target in targets:
        groups.setdefault(target.get("group_name"), []).append(target)
    is_short = len(targets) <= _FEW_TARGETS
    is_foldable = not is_short or set(groups) != {None}
    names = sorted(groups, key=lambda name: name is None)
    return [_target_group(name, groups[name], is_short, is_foldable) for name in names]


def _urgency(state: tuple[str, str]) -> tuple[int, int, str]:
    """The order of states, the most urgent first."""
    word, tone_of_state = state
    calm = _CALM_STATES.index(word) if word in _CALM_STATES else -1
    return calm, _TONES_BY_URGENCY.index(tone_of_state), word


def _target_group(
    name: str | None, members: Sequence[Mapping[str, Any]], is_short: bool, is_foldable: bool
) -> TargetGroup:
    counts = Counter(_target_state(member) for member in members)
    worst = min(counts, key=_urgency)
    urgent: list[Mapping[str, Any]] = []
    calm: list[Mapping[str, Any]] = []
    for member in members:
        (calm if _target_state(member)[0] in _CALM_STATES else urgent).append(member)
    is_split = bool(urgent) and not is_short
    return TargetGroup(
        name=name,
        targets=urgent if is_split else members,
        others=calm if is_split else [],
        words=f"{counts[worst]}{f' of {len(members)}' if len(counts) > 1 else ''} {worst[0]}",
        tone=worst[1],
        is_foldable=is_foldable,
        is_open=is_short or bool(urgent),
    )


def _bad_days(days: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Days on which a target was not up, the latest first."""
    return [day for day in reversed(days) if day["status"] in ("degraded", "down", "disputed")]


def _names(targets: Sequence[str]) -> str:
    """The first of several names, and how many more there are."""
    more = f" and {len(targets) - _MOST_NAMES} more" if len(targets) > _MOST_NAMES else ""
    return ", ".join(targets[:_MOST_NAMES]) + more


def _has_passed(moment: str, now: datetime) -> bool:
    return datetime.fromisoformat(moment) <= now


@dataclass(frozen=True)
class PageWarning:
    """Why the page is not to be relied on, for the title and as a sentence at the top.

    read_at is set if the page shows older data, from memory: when they were read.
    """

    title: str
    text: str
    read_at: str | None = None


def find_warnings(
    known: Mapping[str, Any], error: SupabaseError | None, read_at: datetime | None, now: datetime
) -> list[PageWarning]:
    """What readers have to know before they read. read_at is set if the data are older ones, from memory."""
    warnings, database = [], known["database"]
    shown = " This page shows what the service knows without it." if error and read_at is None else ""
    since = read_at.isoformat() if error and read_at else None
    if database["state"] == "refused":
        text = f"{database['cause']} {database['remedy']}{shown}"
        warnings.append(PageWarning("Database refuses the service", text, since))
    elif isinstance(error, ResponseError):
        warnings.append(PageWarning("Database refuses the service", f"{_REFUSED}{shown}", since))
    elif error is not None:
        warnings.append(PageWarning("Database unreachable", f"{_UNREACHABLE}{shown}", since))
    elif known["version_problem"]:
        warnings.append(PageWarning("Versions differ", known["version_problem"]))
    if known["scheduler"] == "stopped":
        last = _ago(known["scheduler_last_run_at"], now)
        warnings.append(PageWarning("Health checks stopped", f"{_STOPPED} The last round was {last}."))
    elif known["judgement"] == "late":
        last = _ago(known["last_judged_at"], now)
        warnings.append(PageWarning("Health checks are not judged", f"{_UNJUDGED} The last judgement was {last}."))
    return warnings


def _show(value: object) -> object:
    """What a template writes. Charts, which are markup, do the same with their names."""
    return show_unseen(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("app.status"),
        autoescape=True,
        finalize=_show,
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
        utc=_utc,
        segment=_segment,
        seen_from=_seen_from,
        certificate=_certificate,
        by_group=_by_group,
        target_state=_target_state,
        bad_days=_bad_days,
        names=_names,
        has_passed=_has_passed,
        overall_words=lambda overall: _OVERALL.get(overall, (overall, "none"))[0],
        overall_tone=lambda overall: _OVERALL.get(overall, (overall, "none"))[1],
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
    from_now=from_now,
    run_time=run_time,
    fix_choices=incidents.fix_choices,
    fold_stack=incidents.fold_stack,
    host=incidents.host,
    minute_choices=incidents.minute_choices,
    plain_value=incidents.plain_value,
    timeline_tone=incidents.timeline_tone,
)
_ENVIRONMENT.tests.update(web_address=incidents.is_web_address)
_ENVIRONMENT.globals.update(query_of=incidents.query_of)
_ENVIRONMENT.globals.update(style=Markup(_STYLE), script=Markup(_SCRIPT))  # noqa: S704 - our own files


def site_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the product is called, from the data of a status page."""
    return {"title": data.get("title") or NO_SITE["title"], "logo": data.get("logo")}


def render(template: str, view: Mapping[str, Any]) -> str:
    """The document. view contains the variables that the template lists in its first line, and those of base.html."""
    return _ENVIRONMENT.get_template(template).render({"site": NO_SITE, **view})


PAGE_HEADERS = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin"}


def html_response(document: str, status: int = 200) -> Response:
    """The document, with a policy that permits its own style, script and forms, and requests to the service."""
    return HTMLResponse(document, status, PAGE_HEADERS)
