"""The charts of the pages: geometry, axes, gaps, accessible names, escaping, and how much work they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from app.status import charts
from app.status.charts import count_bars, day_bars, day_picker, hour_bars, latency_chart, spark_line

Values = Sequence[float | None]

START = datetime(2026, 11, 20, 13, tzinfo=UTC)
HOSTILE = "\"><script>alert('x')</script>&amp;{{ 7*7 }}"


def days(*statuses: str | None) -> list[dict[str, object]]:
    """Days up to 2026-11-27 with these states."""
    last = date(2026, 11, 27)
    uptimes = {"up": 100.0, "degraded": 99.5, "down": 80.25, "disputed": 100.0}
    return [
        {
            "day": str(last - timedelta(days=len(statuses) - 1 - index)),
            "status": status,
            "uptime_percent": uptimes.get(status or ""),
            "up_minutes": 1440,
            "degraded_minutes": 0,
            "down_minutes": 0,
            "unknown_minutes": 0,
            "maintenance_minutes": 0,
            "checks": 1440,
            "p50_ms": 80,
            "p95_ms": 210,
        }
        for index, status in enumerate(statuses)
    ]


def points(p50: Values, p95: Values | None = None, step: timedelta = timedelta(hours=1)) -> list[dict[str, object]]:
    return [
        {"at": (START + step * index).isoformat(), "p50_ms": low, "p95_ms": high}
        for index, (low, high) in enumerate(zip(p50, p50 if p95 is None else p95, strict=True))
    ]


def hours(*stacks: tuple[int, int, int, int]) -> list[dict[str, object]]:
    return [
        {
            "hour": (START + timedelta(hours=index)).isoformat(),
            **dict(zip(("CRITICAL", "HIGH", "MEDIUM", "LOW"), stack, strict=True)),
        }
        for index, stack in enumerate(stacks)
    ]


def tree(markup: Markup) -> ElementTree.Element:
    """The elements. Fails if the markup is not well-formed."""
    # XML has neither attributes without a value nor tags that need no end.
    text = re.sub(r"(<input[^>]*)>", r"\1/>", str(markup).replace(" checked>", ' checked="">'))
    return ElementTree.fromstring(f"<all>{text}</all>")  # noqa: S314 - ours


def paths(markup: Markup, word: str) -> list[str]:
    """The data of the paths of a class in the picture; not those of the legend."""
    picture = tree(markup).find(".//svg[@class='chart-plot']")
    assert picture is not None
    return [path.get("d", "") for path in picture.iter("path") if word in path.get("class", "").split()]


def texts(markup: Markup, axis: str) -> list[str]:
    labels = tree(markup).find(f".//svg[@class='chart-{axis}']")
    assert labels is not None
    return [text.text or "" for text in labels.iter("text")]


def titles(markup: Markup) -> list[str]:
    return [title.text or "" for title in tree(markup).iter("title")]


def name_of(markup: Markup) -> str:
    return next(name for element in tree(markup).iter() if (name := element.get("aria-label")))


def rows(markup: Markup) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in tree(markup).findall(".//tbody/tr")]


EVERY = {
    "day_bars": day_bars(days("up", "down", None), HOSTILE, 99.0),
    "day_picker": day_picker(days("up", "down", None), HOSTILE, 99.0),
    "spark_line": spark_line([1, None, 2], HOSTILE),
    "latency_chart": latency_chart(points([1, None, 2]), HOSTILE),
    "hour_bars": hour_bars(hours((1, 2, 3, 4)), HOSTILE),
    "count_bars": count_bars([1, 2], START.isoformat(), HOSTILE),
    "no latency": latency_chart([], HOSTILE),
    "no hours": hour_bars([], HOSTILE),
    "no days": day_picker([], HOSTILE),
    "no day bars": day_bars([], HOSTILE),
}


@pytest.mark.parametrize("chart", EVERY)
def test_every_chart_is_well_formed_and_escaped(chart: str) -> None:
    """Style attributes and scripts would be refused by the policy of the pages."""
    for element in tree(EVERY[chart]).iter():
        assert element.tag not in ("script", "style", "a")
        assert not {"style", "id", "onclick", "href"} & set(element.attrib)
    assert "<script" not in EVERY[chart]
    assert "&lt;script&gt;" in EVERY[chart]


def test_characters_that_are_not_seen_are_shown() -> None:
    """A name cannot reverse what stands beside it: a chart is markup, which templates write as it is."""
    name = "a\u202eb\u2066c\x07d"
    for chart in (
        day_bars(days("up"), name),
        day_picker(days("up"), name),
        spark_line([1, 2], name),
        latency_chart(points([1, 2]), name),
        hour_bars(hours((1, 2, 3, 4)), name),
        count_bars([1, 2], START.isoformat(), name),
        day_bars([], name),
    ):
        assert "a[U+202E]b[U+2066]c[U+0007]d" in chart
        assert not {"\u202e", "\u2066", "\x07"} & set(chart)


@pytest.mark.parametrize("chart", EVERY)
def test_every_chart_has_an_accessible_name(chart: str) -> None:
    found = tree(EVERY[chart])
    legends = [legend.text or "" for legend in found.iter("legend")]
    names = [element.get("aria-label", "") for element in found.iter() if element.get("role") == "img"]
    assert len(legends + names) == 1 or found.find("p[@class='chart-empty']") is not None
    assert all(name.startswith(HOSTILE) for name in legends + names)


# --- days ---


@pytest.mark.parametrize("draw", [day_bars, day_picker])
@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        (["up"] * 90, "over 90 days: 0 days with failures, 0 without data"),
        (["down"], "over 1 day: 1 day with failures, 0 without data"),
        ([None, "unknown", "degraded", "down", "disputed"], "over 5 days: 2 days with failures, 2 without data"),
    ],
)
def test_the_summary_of_days(draw: Callable[..., Markup], statuses: list[str | None], words: str) -> None:
    assert words in draw(days(*statuses))
    assert f"Uptime of shop {words.replace(': ', ': 99.99 %, ', 1)}" in draw(days(*statuses), "Uptime of shop", 99.995)


def test_the_worse_a_day_the_taller_its_bar() -> None:
    heights = {}
    for word, status in (("none", None), ("good", "up"), ("fair", "degraded"), ("bad", "down")):
        path = tree(day_bars(days(status))).find(f".//path[@class='{word}']")
        assert path is not None
        found = re.fullmatch(r"M0 (\d+)h3v(\d+)h-3z", path.get("d", ""))
        assert found is not None
        assert int(found[1]) + int(found[2]) == 32
        heights[word] = int(found[2])
    assert sorted(heights, key=heights.__getitem__) == ["none", "good", "fair", "bad"]


def test_bars_of_days_are_side_by_side() -> None:
    markup = day_bars(days(*["up", "down", None] * 30))
    starts = sorted(int(x) for path in tree(markup).iter("path") for x in re.findall(r"M(\d+) ", path.get("d", "")))
    assert starts == list(range(0, 360, 4))
    assert 'viewBox="0 0 359 32"' in markup


def test_only_days_that_were_not_up_have_a_tooltip_in_a_list() -> None:
    markup = day_bars(days("up", "down", None, "up"))
    assert titles(markup) == ["2026-11-25: 80.25 %", "2026-11-26: no data"]


def test_the_bars_of_a_list_are_few_elements() -> None:
    """A page has up to 200 of them, of 90 days."""
    assert len(list(tree(day_bars(days(*["up"] * 90))).iter())) < 5
    assert len(day_bars(days(*["up"] * 90))) < 2500


def test_one_day_is_chosen_at_first_and_all_are_one_group() -> None:
    buttons = [element.attrib for element in tree(day_picker(days("up", "down", "up"))).iter("input")]
    assert [button["value"] for button in buttons] == ["2026-11-25", "2026-11-26", "2026-11-27"]
    assert ["checked" in button for button in buttons] == [False, False, True]
    assert {button["type"] for button in buttons} == {"radio"}
    assert len({button["name"] for button in buttons}) == 1


def test_two_pickers_of_a_page_are_two_groups() -> None:
    first, second = (
        {element.attrib["name"] for element in tree(day_picker(days("up"), f"Uptime of {target}")).iter("input")}
        for target in ("a", "b")
    )
    assert not first & second


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "2026-11-27: 100 % up. 1,440 checks, p50 80 ms, p95 210 ms"),
        ({"down_minutes": 61.5}, "2026-11-27: 100 % up. Down 1 h 1 min. 1,440 checks, p50 80 ms, p95 210 ms"),
        (
            {"down_minutes": 0.5, "degraded_minutes": 2, "maintenance_minutes": 30, "unknown_minutes": 1},
            "2026-11-27: 100 % up. Down 30 s, degraded 2 min, maintenance 30 min, no data 1 min. 1,440 checks",
        ),
        ({"checks": 1, "p50_ms": None, "p95_ms": None}, "2026-11-27: 100 % up. 1 check"),
        ({"checks": 0}, "2026-11-27: 100 % up"),
        ({"uptime_percent": 99.996}, "2026-11-27: 99.99 % up"),
        ({"uptime_percent": 0}, "2026-11-27: 0 % up"),
        ({"uptime_percent": None, "checks": None, "unknown_minutes": 1440}, "2026-11-27: no data"),
    ],
)
def test_the_numbers_of_a_day(fields: dict[str, object], words: str) -> None:
    (label,) = tree(day_picker([{**days("up")[0], **fields}])).iter("label")
    text = "".join(label.itertext())
    assert text.startswith(words)
    assert words != "2026-11-27: no data" or text == words


def test_the_days_of_a_list_are_enough_for_the_numbers() -> None:
    day = {"day": "2026-11-27", "status": "up", "uptime_percent": 100}
    assert "2026-11-27: 100 % up</span>" in day_picker([day])


# --- axes ---


@pytest.mark.parametrize(
    ("largest", "labels"),
    [
        (0, ["1 ms", "0"]),
        (0.4, ["0.4 ms", "0.3 ms", "0.2 ms", "0.1 ms", "0"]),
        (1, ["1 ms", "0.75 ms", "0.5 ms", "0.25 ms", "0"]),
        (3, ["3 ms", "2 ms", "1 ms", "0"]),
        (99, ["100 ms", "75 ms", "50 ms", "25 ms", "0"]),
        (100, ["100 ms", "75 ms", "50 ms", "25 ms", "0"]),
        (101, ["150 ms", "100 ms", "50 ms", "0"]),
        (403, ["600 ms", "400 ms", "200 ms", "0"]),
        (2000, ["2,000 ms", "1,500 ms", "1,000 ms", "500 ms", "0"]),
        (2001, ["3 s", "2 s", "1 s", "0"]),
        (10_000, ["10 s", "7.5 s", "5 s", "2.5 s", "0"]),
        (59_999, ["60 s", "40 s", "20 s", "0"]),
        (10**12, ["1G s", "0.75G s", "0.5G s", "0.25G s", "0"]),
        (-5, ["1 ms", "0"]),
    ],
)
def test_the_axis_of_times_has_round_numbers(largest: float, labels: list[str]) -> None:
    assert texts(latency_chart(points([largest])), "y") == labels


@pytest.mark.parametrize(
    ("largest", "labels"),
    [
        (1, ["1", "0"]),
        (2, ["2", "1", "0"]),
        (5, ["6", "4", "2", "0"]),
        (7, ["8", "6", "4", "2", "0"]),
        (10, ["10", "5", "0"]),
        (97, ["100", "75", "50", "25", "0"]),
        (9_000, ["10k", "7.5k", "5k", "2.5k", "0"]),
        (12_345, ["15k", "10k", "5k", "0"]),
        (999_999, ["1M", "0.75M", "0.5M", "0.25M", "0"]),
        (2**63, ["10,000P", "7,500P", "5,000P", "2,500P", "0"]),
    ],
)
def test_the_axis_of_counts_has_whole_round_numbers(largest: int, labels: list[str]) -> None:
    assert texts(count_bars([largest], START.isoformat()), "y") == labels


@pytest.mark.parametrize("exponent", range(-2, 13))
@pytest.mark.parametrize("factor", [1, 1.0001, 1.49, 2.5, 3, 4.99, 7, 9.9999])
def test_an_axis_ends_at_or_above_the_largest_value_but_not_far(factor: float, exponent: int) -> None:
    value = factor * 10**exponent
    (path,) = paths(latency_chart(points([value])), "chart-p50")
    y = float(path.split()[-1])
    assert 0 <= y <= 51  # of 100, from the top
    assert len(texts(latency_chart(points([value])), "y")) in (2, 3, 4, 5)


def test_labels_of_an_axis_are_at_their_lines() -> None:
    markup = latency_chart(points([100, 20]))
    labels = tree(markup).find(".//svg[@class='chart-y']")
    assert labels is not None
    assert [text.get("y") for text in labels] == ["0%", "25%", "50%", "75%", "100%"]
    assert paths(markup, "chart-grid") == ["M0 0H1000M0 25H1000M0 50H1000M0 75H1000M0 100H1000"]
    assert "viewBox" not in labels.attrib  # text would be stretched with the picture


def test_a_day_has_labels_at_full_hours() -> None:
    markup = hour_bars(hours(*[(1, 0, 0, 0)] * 24))
    assert texts(markup, "x") == ["15:00", "18:00", "21:00", "00:00", "03:00", "06:00", "09:00", "12:00"]


def test_a_week_has_labels_at_midnight() -> None:
    markup = count_bars([1] * 168, START.isoformat())
    assert texts(markup, "x") == ["Sat 21", "Sun 22", "Mon 23", "Tue 24", "Wed 25", "Thu 26", "Fri 27"]
    first = tree(markup).find(".//svg[@class='chart-x']/text")
    assert first is not None
    assert first.get("x") == f"{100 * 11 / 168:.2f}%"


def test_90_days_have_labels_on_mondays() -> None:
    markup = latency_chart(points([1] * 90, step=timedelta(days=1)))
    found = texts(markup, "x")
    assert found[:3] == ["23 Nov", "30 Nov", "7 Dec"]
    assert len(found) == 13


@pytest.mark.parametrize(("count", "step"), [(24, 1), (168, 1), (90, 24)])
def test_few_labels_remain_on_a_phone(count: int, step: int) -> None:
    """Each needs 45 of some 270 pixels."""
    markup = latency_chart(points([1] * count, step=timedelta(hours=step)))
    labels = tree(markup).find(".//svg[@class='chart-x']")
    assert labels is not None
    shown = [text for text in labels if text.get("class") != "chart-minor"]
    assert 3 <= len(shown) <= 5
    places = [float(text.get("x", "").rstrip("%")) for text in shown]
    assert all(second - first > 16 for first, second in pairwise(places))


def test_times_of_another_zone_are_shown_in_utc() -> None:
    markup = count_bars([1, 2, 3], "2026-11-27T01:30:00+05:30")
    assert titles(markup)[0] == "2026-11-26 20:00 to 21:00 UTC: 1 report"
    assert texts(markup, "x") == ["21:00"]


# --- response times ---


def test_lines_are_interrupted_where_nothing_is_known() -> None:
    (path,) = paths(latency_chart(points([10, 20, None, None, 40, 30, None, 5])), "chart-p50")
    assert [len(part.split("L")) for part in path.split("M")[1:]] == [2, 2, 2]
    assert path.startswith("M62.5 75.0L187.5 50.0M562.5 0.0L")


def test_a_single_point_is_a_short_dash() -> None:
    (path,) = paths(latency_chart(points([None, 10, None])), "chart-p95")
    assert path == "M416.7 0.0L583.3 0.0"


def test_each_line_has_gaps_of_its_own() -> None:
    markup = latency_chart(points([10, None, 10], [20, 20, None]))
    assert paths(markup, "chart-p50")[0].count("M") == 2
    assert paths(markup, "chart-p95")[0].count("M") == 1
    assert titles(markup) == [
        "2026-11-20 13:00 to 14:00 UTC: p50 10 ms, p95 20 ms",
        "2026-11-20 14:00 to 15:00 UTC: p50 no data, p95 20 ms",
        "2026-11-20 15:00 to 16:00 UTC: p50 10 ms, p95 no data",
    ]


def test_the_name_of_response_times() -> None:
    markup = latency_chart(points([10, None, 30], [1000, None, 2000]), "Response times of shop, 7 days")
    assert name_of(markup) == (
        "Response times of shop, 7 days: p50 10 ms to 30 ms, p95 1,000 ms to 2,000 ms; 1 hour without data"
    )


def test_the_table_of_response_times_begins_with_the_latest() -> None:
    markup = latency_chart(points([10, None, 30], step=timedelta(days=1)))
    assert rows(markup) == [["2026-11-22", "30 ms", "30 ms"], ["2026-11-20", "10 ms", "10 ms"]]
    assert '<th scope="col">day</th>' in markup


@pytest.mark.parametrize("values", [[], [None], [None] * 168])
def test_nothing_is_known_at_all(values: list[float | None]) -> None:
    markup = latency_chart(points(values))
    assert (
        markup == '<p class="chart-empty" aria-label="Response times: No data in this time.">No data in this time.</p>'
    )


def test_everything_is_zero() -> None:
    markup = latency_chart(points([0, 0]))
    assert paths(markup, "chart-p50") == ["M250.0 100.0L750.0 100.0"]


@pytest.mark.parametrize("values", [[-1, -2], [10**15, 1], [5, -5], [0.001, 0.002]])
def test_the_picture_contains_every_value(values: list[float]) -> None:
    (path,) = paths(latency_chart(points(values)), "chart-p50")
    assert all(0 <= float(y) <= 100 for y in re.findall(r" ([-\d.]+)", path))


# --- a small line ---


@pytest.mark.parametrize(
    ("values", "lines", "words"),
    [
        ([], 0, "last 0 rounds: no response"),
        ([None, None], 0, "last 2 rounds: no response"),
        ([5], 1, "last 1 round: 5 ms to 5 ms"),
        ([0, 0, 0], 1, "last 3 rounds: 0 ms to 0 ms"),
        ([1, None, 2, 3, None, None, 4], 3, "last 7 rounds: 1 ms to 4 ms"),
        ([10**12, 1], 1, "last 2 rounds: 1 ms to 1,000,000,000,000 ms"),
        ([-5, 5], 1, "last 2 rounds: -5 ms to 5 ms"),
    ],
)
def test_a_small_line(values: list[float | None], lines: int, words: str) -> None:
    markup = spark_line(values)
    found = [line.get("points", "") for line in tree(markup).iter("polyline")]
    assert len(found) == lines
    assert name_of(markup).endswith(words)
    for x, y in (point.split(",") for line in found for point in line.split()):
        assert 0 <= float(x) <= 120
        assert 0 <= float(y) <= 28


# --- bars of hours ---


def test_a_stack_is_as_high_as_its_sum_and_the_most_severe_is_at_the_bottom() -> None:
    markup = hour_bars(hours((10, 20, 30, 40), (0, 0, 0, 0), (0, 0, 50, 0)))
    found = {word: paths(markup, word)[0] for word in ("CRITICAL", "HIGH", "MEDIUM", "LOW")}
    assert found == {
        "CRITICAL": "M33.3 90.0h266.7v10.0h-266.7z",
        "HIGH": "M33.3 70.0h266.7v20.0h-266.7z",
        "MEDIUM": "M33.3 40.0h266.7v30.0h-266.7zM700.0 50.0h266.7v50.0h-266.7z",
        "LOW": "M33.3 0.0h266.7v40.0h-266.7z",
    }


def test_few_among_many_are_still_visible() -> None:
    markup = hour_bars(hours((1, 0, 0, 0), (0, 0, 0, 1_000_000)))
    assert paths(markup, "CRITICAL") == ["M50.0 99.0h400.0v1.0h-400.0z"]


@pytest.mark.parametrize("stack", [(1, 1, 1, 10**9), (10**9, 1, 1, 1), (2**63, 0, 0, 0)])
def test_no_stack_leaves_the_picture(stack: tuple[int, int, int, int]) -> None:
    markup = hour_bars(hours(stack))
    for word in ("CRITICAL", "HIGH", "MEDIUM", "LOW"):
        for top, height in re.findall(r"M[\d.]+ ([-\d.]+)h[\d.]+v([-\d.]+)", paths(markup, word)[0]):
            assert float(top) >= 0
            assert float(height) >= 0
            assert float(top) + float(height) <= 100.1


def test_an_hour_says_its_numbers() -> None:
    markup = hour_bars(hours((1, 0, 1200, 0), (0, 0, 0, 0)))
    assert titles(markup) == ["2026-11-20 13:00 to 14:00 UTC: 1,201 reports: 1 CRITICAL, 1,200 MEDIUM"]
    assert rows(markup) == [["2026-11-20 13:00 to 14:00 UTC", "1", "0", "1,200", "0"]]
    assert name_of(markup) == (
        "Reports by hour, 2 hours: 1,201 reports: 1 CRITICAL, 1,200 MEDIUM; most in an hour: 1,201, "
        "2026-11-20 13:00 to 14:00 UTC"
    )


def test_one_report_is_singular() -> None:
    markup = count_bars([0, 1], START.isoformat(), "Reports of INC-1001")
    assert titles(markup) == ["2026-11-20 14:00 to 15:00 UTC: 1 report"]
    assert name_of(markup).startswith("Reports of INC-1001, 2 hours: 1 report; most in an hour: 1, 2026-11-20 14:00")


@pytest.mark.parametrize("counts", [[], [0], [0] * 168, [None, 0]])
def test_no_reports(counts: list[int | None]) -> None:
    assert "No reports in this time." in count_bars(counts, START.isoformat())


def test_a_severity_that_is_missing_counts_as_none() -> None:
    markup = hour_bars([{"hour": START.isoformat(), "HIGH": 2, "LOW": None}])
    assert titles(markup) == ["2026-11-20 13:00 to 14:00 UTC: 2 reports: 2 HIGH"]


@pytest.mark.parametrize("counts", [[-5, 3], [3, -5]])
def test_a_negative_count_counts_as_none(counts: list[int]) -> None:
    assert rows(count_bars(counts, START.isoformat()))[0][1] == "3"


# --- what all have in common ---


def test_tags_are_closed_as_html_wants_it() -> None:
    """HTML knows no self-closing tags; elements of SVG without content are closed explicitly."""

    class Reader(HTMLParser):
        def handle_startendtag(self, tag: str, attrs: object) -> None:
            raise AssertionError(f"<{tag}/>")

    for markup in EVERY.values():
        Reader().feed(markup)


def test_the_styles_have_a_rule_for_each_class() -> None:
    templates = files("app.status") / "templates"
    style = "".join((templates / name).read_text(encoding="utf-8") for name in ("site.css", "charts.css"))
    classes = [words for markup in EVERY.values() for words in re.findall(r'class="([^"]+)"', markup)]
    missing = {word for words in classes for word in words.split() if f".{word}" not in style}
    assert missing == set()


def test_severities_are_those_of_incidents() -> None:
    assert charts.SEVERITIES == ("CRITICAL", "HIGH", "MEDIUM", "LOW")
