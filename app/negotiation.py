"""Whether who asks wants a page or JSON."""


def prefers_html(accept: str) -> bool:
    """Whether an Accept header names HTML, and JSON not as much. `*/*`, as curl sends it, means JSON."""
    weights = dict(_weight(part) for part in accept.lower().split(",")[:50])
    html = max(weights.get("text/html", 0.0), weights.get("application/xhtml+xml", 0.0))
    return html > weights.get("application/json", 0.0)


def _weight(part: str) -> tuple[str, float]:
    media_type, *parameters = (each.strip() for each in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media_type, float(value)
            except ValueError:
                return media_type, 0.0
    return media_type, 1.0
