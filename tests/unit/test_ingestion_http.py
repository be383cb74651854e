"""The client retries only temporary failures, waits as long as requested, and never shows a secret."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson
import pytest
import urllib3
from urllib3._collections import HTTPHeaderDict

from ingestion.errors import AccessError, IngestionError, ResponseError, UnreachableError, redact
from ingestion.http.bounded import Reply
from ingestion.http.client import (
    Client,
    Policy,
    RefreshToken,
    StaticToken,
    in_parallel,
)
from ingestion.http.faults import Fault, RequestFault, retry_after
from ingestion.sources.facebook_ads.api import judge as facebook
from ingestion.sources.google_ads.api import judge as google
from ingestion.sources.hubspot.api import judge as hubspot
from ingestion.sources.linkedin_ads.api import judge as linkedin

Answers = list[Reply | Exception]
JUDGES = {"hubspot": hubspot, "google_ads": google, "facebook_ads": facebook, "linkedin_ads": linkedin}


def client(answers: Answers, judge: Callable[..., Any] = hubspot) -> tuple[Client, list[float]]:
    """Return a client that gets the answers in turn, then always the last, and the list of its pauses."""
    pauses: list[float] = []

    def answer(*_: Any) -> Reply:
        given = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(given, Exception):
            raise given
        return given

    made = Client(
        Policy("hubspot", judge),
        "https://api.ex.test",
        token=StaticToken("sources.hubspot.access_token", "tok-secret"),
        send=answer,
        sleep=pauses.append,
        clock=lambda: sum(pauses),
    )
    return made, pauses


def json(status: int, body: Any, **headers: str) -> Reply:
    return Reply(status, HTTPHeaderDict(headers), orjson.dumps(body))


OK = json(200, {"results": []})


@pytest.mark.parametrize("status", [423, 429, 500, 502, 503, 504])
def test_a_temporary_failure_is_retried(status: int) -> None:
    made, pauses = client([json(status, {"message": "busy"}), OK])

    assert made.get("/x").document == {"results": []}
    assert len(pauses) == 1
    assert made.requests["ok"] == 1


@pytest.mark.parametrize("status", [400, 404, 409, 414])
def test_a_rejected_request_is_not_retried(status: int) -> None:
    made, pauses = client([json(status, {"message": "no"})])

    with pytest.raises(RequestFault):
        made.get("/x")
    assert pauses == []


def test_retry_after_is_honoured_as_seconds_and_as_a_date() -> None:
    made, pauses = client([json(429, {"message": "x"}, **{"Retry-After": "7"}), OK])
    made.get("/x")

    assert 7 <= pauses[0] <= 7.5
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < (retry_after({"retry-after": soon}) or 0) <= 30


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "token"),
        (403, "access"),
        (408, "transient"),
        (423, "throttled"),
        (429, "throttled"),
        (500, "transient"),
        (503, "transient"),
        (400, "request"),
        (404, "request"),
        (414, "request"),
    ],
)
def test_a_status_means_the_same_for_every_vendor(judge: Any, status: int, kind: str) -> None:
    for document in (None, [], "text", {"hello": "world"}):
        fault = judge(status, {"retry-after": "7"}, document)
        waits = kind in ("throttled", "transient")
        assert fault == Fault(fault.kind, f"HTTP {status}", 7.0 if waits else None)
        assert fault.kind == kind
        assert judge(200, {"retry-after": "7"}, document) is None


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"error": "invalid_grant", "error_description": "Expired."}, "invalid_grant: Expired."),
        ({"error": "invalid_client"}, "invalid_client"),
    ],
)
def test_the_error_of_a_token_endpoint_is_read_for_every_vendor(judge: Any, body: Any, detail: str) -> None:
    assert judge(400, {}, body) == Fault("request", detail)


@pytest.mark.parametrize(
    ("judge", "body"),
    [
        (hubspot, {"message": "busy"}),
        (google, {"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}}),
        (facebook, {"error": {"code": 2, "message": "busy"}}),
        (linkedin, {"message": "busy"}),
    ],
    ids=JUDGES,
)
def test_retry_after_counts_with_any_error_body(judge: Any, body: Any) -> None:
    fault = judge(503, {"retry-after": "7"}, body)
    assert (fault.kind, fault.wait) == ("transient", 7.0)
    assert fault.detail.startswith("busy")


@pytest.mark.parametrize(
    ("judge", "answer", "least"),
    [
        (hubspot, json(429, {"message": "x", "policyName": "TEN_SECONDLY_ROLLING"}), 1),
        (hubspot, json(429, {"message": "You have reached your secondly limit."}), 1),
        (hubspot, json(477, {"message": "migration"}, **{"Retry-After": "20"}), 20),
        (hubspot, json(423, {"message": "locked"}), 2),
        (
            google,
            json(
                429,
                [
                    {
                        "error": {
                            "code": 429,
                            "status": "RESOURCE_EXHAUSTED",
                            "details": [
                                {"errors": [{"details": {"quotaErrorDetails": {"retryDelay": "30s"}}}]}
                            ],
                        }
                    }
                ],
            ),
            30,
        ),
        (google, json(400, {"error": {"code": 400, "status": "RESOURCE_EXHAUSTED"}}), 1),
        (
            facebook,
            json(
                400,
                {"error": {"message": "(#17)", "code": 17, "error_subcode": 2446079}},
                **{"x-business-use-case-usage": '{"1":[{"estimated_time_to_regain_access":3}]}'},
            ),
            180,
        ),
        (facebook, json(400, {"error": {"message": "x", "code": 99, "is_transient": True}}), 0.2),
        (linkedin, json(429, {"message": "More than 45 million metric values were requested"}), 330),
    ],
)
def test_the_vendors_own_signals_decide_the_wait(judge: Any, answer: Reply, least: float) -> None:
    made, pauses = client([answer, OK], judge)

    assert made.get("/x").document == {"results": []}
    assert least <= pauses[0] <= least * 1.5 + 1


@pytest.mark.parametrize(
    ("judge", "answer"),
    [
        (hubspot, json(429, {"message": "daily limit", "policyName": "DAILY"})),
        (linkedin, json(429, {"message": "Resource level throttle APPLICATION DAY limit is reached."})),
    ],
)
def test_a_daily_limit_ends_the_request_without_waiting(judge: Any, answer: Reply) -> None:
    made, pauses = client([answer], judge)

    with pytest.raises(UnreachableError, match="limits requests"):
        made.get("/x")
    assert pauses == []


def test_an_unreachable_host_is_given_up_within_seconds() -> None:
    made, pauses = client([urllib3.exceptions.NewConnectionError(None, "refused")])

    with pytest.raises(
        UnreachableError, match=r"sources\.hubspot\.base_url: api\.ex\.test cannot be reached"
    ):
        made.get("/x")
    assert len(pauses) == 2
    assert sum(pauses) < 3
    assert made.requests == {"unreachable": 3}


def test_a_body_that_is_not_json_is_retried_and_then_an_error() -> None:
    cut = Reply(200, {}, b'{"results":[')
    made, _ = client([cut, OK])
    assert made.get("/x").document == {"results": []}

    html = Reply(200, {}, b"<html>")
    made, _ = client([html, OK])
    assert made.get("/x").document == {"results": []}
    made, pauses = client([html])
    with pytest.raises(ResponseError, match="not JSON"):
        made.get("/x")
    assert 0 < len(pauses) < 5


def test_a_refused_token_is_renewed_once() -> None:
    class Renewable(StaticToken):
        def renew(self, refused: str) -> bool:
            self.token += "+"
            return True

    made, _ = client([json(401, {"message": "expired"}), OK])
    made.token = Renewable("sources.hubspot.refresh_token", "k-secret")
    assert made.get("/x").document == {"results": []}
    assert made.token.value() == "k-secret+"

    made, _ = client([json(401, {"message": "token k-secret+ is expired, ask x@ex.test"})])
    made.token = Renewable("sources.hubspot.refresh_token", "k-secret")
    with pytest.raises(AccessError) as refused:
        made.get("/x")
    assert str(refused.value).startswith("sources.hubspot.refresh_token was refused (401)")
    assert "k-secret" not in str(refused.value)
    assert "x@ex.test" not in str(refused.value)


def test_a_refused_client_secret_names_the_refresh_token() -> None:
    tokens, _ = client([json(401, {"error": "invalid_client", "error_description": "bad shh"})], google)
    form = {"client_id": "id", "client_secret": "shh", "refresh_token": "r-secret"}
    token = RefreshToken("sources.google_ads.refresh_token", tokens, "/token", form)

    with pytest.raises(AccessError) as refused:
        token.value()
    assert str(refused.value).startswith("sources.google_ads.refresh_token was refused (401): invalid_client")
    assert "shh" not in str(refused.value)


def test_redaction_leaves_one_line_without_tokens_and_addresses() -> None:
    text = (
        "GET https://g.ex.test/?access_token=EAAB&after=1\nfor a.b@ex.test and c%40ex.test: Bearer ya29.x, k9"
    )

    assert redact(text, ("k9",)) == (
        "GET https://g.ex.test/?access_token=<secret>&after=1"
        " for <e-mail> and <e-mail>: Bearer <secret>, <secret>"
    )
    assert len(str(IngestionError("x " * 1000))) <= 400


def test_streams_are_read_in_parallel_to_their_end() -> None:
    together = threading.Barrier(3, timeout=5)

    def stream(number: int) -> Iterator[int]:
        together.wait()
        yield from (number, number)

    found = list(in_parallel([lambda number=number: stream(number) for number in range(3)], workers=3))  # type: ignore[misc]
    assert sorted(found) == [0, 0, 1, 1, 2, 2]
    assert list(in_parallel([])) == []


def test_the_first_error_of_a_stream_ends_all_and_is_raised() -> None:
    def endless() -> Iterator[int]:
        while True:
            time.sleep(0.001)
            yield 1

    def broken() -> Iterator[int]:
        yield 2
        raise ValueError("broken")

    before = threading.active_count()
    with pytest.raises(ValueError, match="broken"):
        list(in_parallel([endless, broken, endless]))
    assert threading.active_count() == before
