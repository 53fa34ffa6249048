"""Charts as inline SVG without scripts, with axes, accessible names and tables of their numbers.

A picture is stretched to the width that it gets, so it contains no text: labels of the axes are HTML, or SVG without a
viewBox, and keep the size of the page's text. The policy of the pages forbids style attributes: everything that depends
on data is an attribute of SVG, everything else a class in charts.css. All times are UTC.

None of these functions fails for missing, negative or huge numbers. Texts are escaped.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import ceil, floor, log10
from typing import Any

from markupsafe import Markup, escape

from app.status.words import duration, milliseconds, percent, show_unseen, tone

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
# Top and height of a bar by the state of its day, in a picture 32 high: the worse, the taller.
_BARS = {"good": (8, 24), "fair": (4, 28), "disputed": (4, 28), "bad": (0, 32), "none": (26, 6)}
_DAY_WIDTH = 4  # three of the bar, one of the gap
_WIDTH, _HEIGHT = 1000.0, 100.0  # of the pictures that have axes
_SPARK_WIDTH, _SPARK_HEIGHT = 120.0, 28.0
_MOST_LINES = 4  # of a grid, besides the one at zero
# From which top of an axis on its counts have which unit.
_UNITS = ((1e15, 1e15, "P"), (1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"), (0.0, 1.0, ""))


def day_bars(days: Sequence[Mapping[str, Any]], name: str = "Uptime", uptime: float | None = None) -> Markup:
    """A bar for each day, for lists. days: [{"day", "status", "uptime_percent"}]. uptime is the percentage of all days.

    Days that were not up have a tooltip. The others share one path: a list of 200 targets has 18,000 of them.
    """
    plain, others = [], []
    for index, day in enumerate(days):
        if day["status"] == "up":
            plain.append(_plain_bar(index))
        else:
            others.append(_other_bar(index, day["day"], day["status"], day["uptime_percent"]))
    label = _day_summary(days, name, uptime)
    return _markup(
        f'<svg class="chart-days" viewBox="0 0 {_days_width(days)} 32" preserveAspectRatio="none" role="img"'
        f' aria-label="{label}"><path class="good" d="{"".join(plain)}"></path>{"".join(others)}</svg>'
    )


def day_picker(days: Sequence[Mapping[str, Any]], name: str = "Uptime", uptime: float | None = None) -> Markup:
    """The bars of day_bars(), and a line with the numbers of one day: the one that is pointed at, else the chosen one.

    The bars are radio buttons: one stop of the tab key; arrow keys and a touch choose. days as in target_page().
    """
    if not days:
        return _empty(name)
    group, bars = escape(f"day of {name}"), []
    for index, day in enumerate(days):
        checked = " checked" if index == len(days) - 1 else ""
        bars.append(
            f'<label class="{tone(day["status"])}"><input type="radio" name="{group}" value="{escape(day["day"])}"'
            f"{checked}><span>{escape(_day_numbers(day))}</span></label>"
        )
    return _markup(
        f'<fieldset class="chart-picker"><legend>{_day_summary(days, name, uptime)}</legend>'
        f'<div class="chart-picker-bars">{"".join(bars)}</div>'
        f'<p class="chart-ends"><span>{escape(days[0]["day"])}</span><span>today</span></p></fieldset>'
    )


def spark_line(values: Sequence[float | None], name: str = "Response time") -> Markup:
    """A small line of response times in milliseconds, for lists; null for a gap."""
    known = [value for value in values if value is not None]
    lines = "".join(f'<polyline points="{points}"></polyline>' for points in _spark_points(values, known))
    words = f"{milliseconds(min(known))} to {milliseconds(max(known))}" if known else "no response"
    label = escape(f"{name}, last {_count(len(values), 'round')}: {words}")
    return _markup(
        f'<svg class="chart-spark" viewBox="0 0 {_SPARK_WIDTH:g} {_SPARK_HEIGHT:g}" preserveAspectRatio="none"'
        f' role="img" aria-label="{label}">{lines}</svg>'
    )


def latency_chart(points: Sequence[Mapping[str, Any]], name: str = "Response times") -> Markup:
    """p50 and p95 in milliseconds over time. points: [{"at", "p50_ms", "p95_ms"}], oldest first, null for a gap."""
    p50, p95 = ([point[member] for point in points] for member in ("p50_ms", "p95_ms"))
    known = [value for value in (*p50, *p95) if value is not None]
    if not known:
        return _empty(name)
    axis = _Axis(max(known), _time_label)
    moments = [_moment(point["at"]) for point in points]
    step = _step(moments)
    hits, rows = [], []
    for index, (moment, low, high) in enumerate(zip(moments, p50, p95, strict=True)):
        if low is None and high is None:
            continue
        when = _span(moment, step)
        hits.append(_hit(index, len(points), f"{when}: p50 {milliseconds(low)}, p95 {milliseconds(high)}"))
        rows.append((when, milliseconds(low), milliseconds(high)))
    picture = "".join(
        f'<path class="chart-line chart-{word}" d="{_line(values, axis)}"></path>'
        for word, values in (("p95", p95), ("p50", p50))
    )
    gaps = _gaps_words(len(points) - len(rows), step)
    label = f"{name}: {_latency_words(p50, 'p50')}, {_latency_words(p95, 'p95')}{gaps}"
    legend = "".join(
        f'<li><svg class="chart-sample" viewBox="0 0 24 8" aria-hidden="true"><path class="chart-line chart-{word}"'
        f' d="M0 4H24"></path></svg>{word} <span>{_latest(values)}</span></li>'
        for word, values in (("p50", p50), ("p95", p95))
    )
    table = _table((_first_column(step), "p50", "p95"), rows)
    return _figure(
        " chart-latency", label, axis, _grid_and(axis, picture, hits), _time_axis(moments, step), legend, table
    )


def hour_bars(hours: Sequence[Mapping[str, Any]], name: str = "Reports by hour") -> Markup:
    """Reports by hour, stacked by severity, the most severe at the bottom.

    hours: [{"hour", "CRITICAL", "HIGH", "MEDIUM", "LOW"}], oldest first.
    """
    moments = [_moment(hour["hour"]) for hour in hours]
    stacks = [[max(int(hour.get(severity) or 0), 0) for severity in SEVERITIES] for hour in hours]
    return _bar_chart(moments, stacks, SEVERITIES, name)


def count_bars(counts: Sequence[int | None], since: str, name: str = "Reports by hour") -> Markup:
    """Counts by hour of one incident, oldest first; since is the first hour."""
    first = _moment(since)
    moments = [first + timedelta(hours=index) for index in range(len(counts))]
    return _bar_chart(moments, [[max(int(count or 0), 0)] for count in counts], (), name)


class _Axis:
    """The vertical axis from zero to a round number that is not below the largest value."""

    def __init__(self, largest: float, label: Callable[[float, float], str], is_whole: bool = False) -> None:
        self.step = _round_step(max(largest, 0.0) / _MOST_LINES, is_whole)
        self.lines = max(1, ceil(round(largest / self.step, 9)))
        self.top = self.step * self.lines
        self._label = label

    def y(self, value: float) -> float:
        """The distance from the top of the picture."""
        return _HEIGHT * (1 - max(value, 0) / self.top)

    def ticks(self) -> list[tuple[float, str]]:
        """The lines of the grid from the top to zero, as percentage of the height, and their labels."""
        numbers = range(self.lines, -1, -1)
        return [(100 * (1 - number / self.lines), self._label(self.step * number, self.top)) for number in numbers]


def _round_step(smallest: float, is_whole: bool) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is not below this."""
    if smallest <= (1 if is_whole else 0):
        return 1.0
    power = 10.0 ** floor(log10(smallest))
    factors = (1, 2, 5, 10) if is_whole and power == 1 else (1, 2, 2.5, 5, 10)
    return next(factor * power for factor in factors if factor * power >= smallest * (1 - 1e-9))


def _time_label(value: float, top: float) -> str:
    """0, 250 ms, or 1.5 s if the axis ends above 2 s."""
    if value == 0:
        return "0"
    return f"{value:,g} ms" if top <= 2000 else f"{_count_label(value / 1000, top / 1000)} s"


def _count_label(value: float, top: float) -> str:
    """9,000, 25k, 1.5M: of the unit that the top of the axis has."""
    scale, unit = next((scale, unit) for least, scale, unit in _UNITS if top >= least)
    return f"{value / scale:,.12g}{unit if value else ''}"


# --- days ---


@lru_cache(maxsize=512)
def _plain_bar(index: int) -> str:
    top, height = _BARS["good"]
    return f"M{index * _DAY_WIDTH} {top}h3v{height}h-3z"


@lru_cache(maxsize=4096)
def _other_bar(index: int, day: str, status: str | None, uptime: float | None) -> str:
    """A day without data is a short bar at the bottom."""
    word = tone(status)
    top, height = _BARS[word]
    return (
        f'<path class="{word}" d="M{index * _DAY_WIDTH} {top}h3v{height}h-3z">'
        f"<title>{escape(day)}: {percent(uptime)}</title></path>"
    )


def _days_width(days: Sequence[object]) -> int:
    return max(len(days) * _DAY_WIDTH - 1, 1)


def _day_summary(days: Sequence[Mapping[str, Any]], name: str, uptime: float | None) -> str:
    statuses = [day["status"] for day in days]
    bad = statuses.count("degraded") + statuses.count("down")
    gaps = len(statuses) - statuses.count("up") - statuses.count("disputed") - bad
    words = f"{percent(uptime)}, " if uptime is not None else ""
    return str(
        escape(
            f"{name} over {_count(len(days), 'day')}: {words}{_count(bad, 'day')} with failures, {gaps} without data"
        )
    )


def _day_numbers(day: Mapping[str, Any]) -> str:
    """2026-11-26: 99.23 % up. Down 11 min. 1,440 checks, p50 80 ms, p95 210 ms."""
    up = day.get("uptime_percent")
    sentences = [f"{day['day']}: {'no data' if up is None else f'{percent(up)} up'}"]
    lengths = [
        f"{word} {duration(minutes * 60)}"
        for word, member in (
            ("down", "down_minutes"),
            ("degraded", "degraded_minutes"),
            ("maintenance", "maintenance_minutes"),
            ("no data", "unknown_minutes"),
        )
        if (minutes := day.get(member) or 0) > 0 and not (member == "unknown_minutes" and up is None)
    ]
    if lengths:
        sentences.append(", ".join(lengths))
    if checks := day.get("checks"):
        times = [
            f"{name} {milliseconds(day[f'{name}_ms'])}" for name in ("p50", "p95") if day.get(f"{name}_ms") is not None
        ]
        sentences.append(", ".join([_count(checks, "check"), *times]))
    return ". ".join(f"{sentence[0].upper()}{sentence[1:]}" for sentence in sentences)


# --- lines ---


def _spark_points(values: Sequence[float | None], known: Sequence[float]) -> list[str]:
    """The points of one polyline for each stretch without a gap."""
    top, step = max(*known, 1.0) if known else 1.0, _SPARK_WIDTH / max(len(values) - 1, 1)
    lines: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            lines.append([])
        else:
            height = 1 + (_SPARK_HEIGHT - 2) * (1 - max(value, 0) / top)
            lines[-1].append(f"{index * step:.1f},{height:.1f}")
    # A single point is drawn as a dot: a polyline needs two.
    return [" ".join(line if len(line) > 1 else [line[0], line[0]]) for line in lines if line]


def _line(values: Sequence[float | None], axis: _Axis) -> str:
    """A path with one stretch for each run without a gap; a single point is a short dash."""
    slot, parts, run = _WIDTH / len(values), [], list[str]()
    for index, value in enumerate((*values, None)):
        if value is not None:
            run.append(f"{(index + 0.5) * slot:.1f} {axis.y(value):.1f}")
        elif run:
            if len(run) == 1:
                x, y = run[0].split()
                run = [f"{float(x) - slot / 4:.1f} {y}", f"{float(x) + slot / 4:.1f} {y}"]
            parts.append(f"M{'L'.join(run)}")
            run = []
    return "".join(parts)


def _latency_words(values: Sequence[float | None], name: str) -> str:
    known = [value for value in values if value is not None]
    return f"{name} {milliseconds(min(known))} to {milliseconds(max(known))}" if known else f"{name} no data"


def _latest(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"latest {milliseconds(known[-1])}" if known else "no data"


def _gaps_words(gaps: int, step: timedelta) -> str:
    return f"; {_count(gaps, 'day' if step >= timedelta(days=1) else 'hour')} without data" if gaps else ""


# --- bars ---


def _bar_chart(moments: Sequence[datetime], stacks: Sequence[Sequence[int]], names: Sequence[str], name: str) -> Markup:
    """Bars of an hour each, stacked by names from the bottom. Without names a stack has one part."""
    totals = [sum(stack) for stack in stacks]
    if not any(totals):
        return _empty(name, "No reports in this time.")
    axis = _Axis(max(totals), _count_label, is_whole=True)
    step = timedelta(hours=1)
    whens = [_span(moment, step) for moment in moments]
    shown = [index for index, total in enumerate(totals) if total]
    hits = [_hit(index, len(totals), f"{whens[index]}: {_reports(stacks[index], names)}") for index in shown]
    rows = [(whens[index], *(f"{number:,}" for number in stacks[index])) for index in shown]
    sums = [sum(column) for column in zip(*stacks, strict=True)]
    classes = [f"chart-bar {word}" for word in names] or ["chart-bar"]
    picture = "".join(
        f'<path class="{word}" d="{path}"></path>'
        for word, path in zip(classes, _stacked_paths(stacks, axis), strict=True)
    )
    most = totals.index(max(totals))
    label = (
        f"{name}, {_count(len(totals), 'hour')}: {_reports(sums, names)}; most in an hour: {totals[most]:,},"
        f" {whens[most]}"
    )
    legend = "".join(
        f'<li><svg class="chart-sample" viewBox="0 0 8 8" aria-hidden="true"><path class="{word}" d="M0 0h8v8h-8z">'
        f"</path></svg>{text} <span>{number:,}</span></li>"
        for word, text, number in zip(classes, names or ["reports"], sums, strict=True)
    )
    table = _table((_first_column(step), *(names or ["reports"])), rows)
    return _figure("", label, axis, _grid_and(axis, picture, hits), _time_axis(moments, step), legend, table)


def _reports(numbers: Sequence[int], names: Sequence[str]) -> str:
    """1,201 reports: 1 CRITICAL, 1,200 MEDIUM."""
    parts = [f"{number:,} {name}" for number, name in zip(numbers, names, strict=False) if number]
    return ": ".join([_count(sum(numbers), "report"), *([", ".join(parts)] if parts else [])])


def _stacked_paths(stacks: Sequence[Sequence[int]], axis: _Axis) -> list[str]:
    """One path for each part of the stacks. What is not zero is at least one unit high."""
    slot = _WIDTH / len(stacks)
    width = slot * 0.8
    paths: list[list[str]] = [[] for _ in stacks[0]]
    for index, stack in enumerate(stacks):
        bottom = _HEIGHT
        for path, number in zip(paths, stack, strict=True):
            if number:
                height = min(max(_HEIGHT * number / axis.top, 1.0), bottom)
                bottom -= height
                path.append(f"M{index * slot + slot * 0.1:.1f} {bottom:.1f}h{width:.1f}v{height:.1f}h-{width:.1f}z")
    return ["".join(path) for path in paths]


# --- what charts with axes have in common ---


def _figure(kind: str, label: str, axis: _Axis, picture: str, times: str, legend: str, table: str) -> Markup:
    labels = "".join(
        f'<text x="100%" y="{y:g}%" dy=".35em" text-anchor="end">{text}</text>' for y, text in axis.ticks()
    )
    return _markup(
        f'<figure class="chart{kind}"><div class="chart-frame" role="img" aria-label="{escape(label)}">'
        f'<svg class="chart-y" aria-hidden="true">{labels}</svg>'
        f'<svg class="chart-plot" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" preserveAspectRatio="none">{picture}</svg>'
        f'<svg class="chart-x" aria-hidden="true">{times}</svg></div>'
        f'<figcaption><ul class="chart-legend">{legend}</ul></figcaption>{table}</figure>'
    )


def _grid_and(axis: _Axis, picture: str, hits: Sequence[str]) -> str:
    grid = "".join(f"M0 {y:g}H{_WIDTH:g}" for y, _ in axis.ticks())
    return f'<path class="chart-grid" d="{grid}"></path>{picture}{"".join(hits)}'


def _hit(index: int, count: int, title: str) -> str:
    """An invisible area over a moment, whose tooltip has its numbers."""
    slot = _WIDTH / count
    return (
        f'<rect class="chart-hit" x="{index * slot:.1f}" width="{slot:.1f}" height="{_HEIGHT:g}">'
        f"<title>{title}</title></rect>"
    )


def _time_axis(moments: Sequence[datetime], step: timedelta) -> str:
    """Labels at full hours, midnights or Mondays. Those of the class chart-minor are hidden where there is no room."""
    labels, length = [], step * len(moments)
    for index, moment in enumerate(moments):
        if length <= timedelta(days=2):
            is_shown, is_minor, text = moment.hour % 3 == 0, moment.hour % 6 != 0, f"{moment:%H:%M}"
        elif length <= timedelta(days=14):
            is_shown, is_minor, text = moment.hour == 0, moment.toordinal() % 2 != 0, f"{moment:%a} {moment.day}"
        else:
            weeks = moment.toordinal() // 7
            is_shown, is_minor, text = moment.weekday() == 0, weeks % 3 != 0, f"{moment.day} {moment:%b}"
        if is_shown:
            place = 100 * index / len(moments)
            minor = ' class="chart-minor"' if is_minor else ""
            labels.append(f'<text x="{place:.2f}%" y="1.5em" text-anchor="middle"{minor}>{text}</text>')
    return "".join(labels)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The numbers, latest first, folded."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>'
        for row in reversed(rows)
    )
    return (
        "<details><summary>Numbers</summary>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>"
    )


def _empty(name: str, words: str = "No data in this time.") -> Markup:
    return _markup(f'<p class="chart-empty" aria-label="{escape(name)}: {words}">{words}</p>')


def _first_column(step: timedelta) -> str:
    return "day" if step >= timedelta(days=1) else "hour (UTC)"


def _span(moment: datetime, step: timedelta) -> str:
    """2026-11-27, or 2026-11-27 14:00 to 15:00 UTC."""
    if step >= timedelta(days=1):
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%d %H:%M} to {moment + step:%H:%M} UTC"


def _step(moments: Sequence[datetime]) -> timedelta:
    """The time between two points. One point alone is that of an hour."""
    return moments[1] - moments[0] if len(moments) > 1 else timedelta(hours=1)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _markup(text: str) -> Markup:
    return Markup(show_unseen(text))  # noqa: S704 - the callers escape what is neither a number nor a fixed word
