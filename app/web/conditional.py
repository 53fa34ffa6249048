"""Conditional requests: whether the client has the current page already."""


def has_current(if_none_match: str, etag: str) -> bool:
    """Whether If-None-Match names this ETag. Weak and strong tags are compared alike, as RFC 9110 says."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")[:50]]
    return "*" in tags or etag.removeprefix("W/") in tags
