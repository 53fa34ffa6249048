"""Checks that an answer is the problem document that the service's table has for a code."""

from __future__ import annotations

from typing import Any

import httpx

from app.problems import PROBLEM_TYPES


def assert_is_problem(answer: httpx.Response, code: str) -> dict[str, Any]:
    expected = PROBLEM_TYPES[code]
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (expected.status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == expected.status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]
    assert ("Retry-After" in answer.headers) == (expected.retry_after is not None)
    assert ("WWW-Authenticate" in answer.headers) == (expected.challenge is not None)
    return problem
