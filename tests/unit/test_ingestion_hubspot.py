"""HubSpot's answers: limits, faults, pages that violate the specification."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from ingestion.errors import ResponseError
from ingestion.http.bounded import Reply
from ingestion.http.client import Answer, Client
from ingestion.http.faults import Fault
from ingestion.http.pacing import Limit
from ingestion.landing.arrow import Reader, Table
from ingestion.sources.hubspot import api, settings, tables

HEADERS = {
    "x-hubspot-ratelimit-max": "190",
    "x-hubspot-ratelimit-interval-milliseconds": "10000",
    "x-hubspot-ratelimit-remaining": "12",
}


PROPERTY = b'{"results":[{"id":"1","properties":{"%s":"%s"},"createdAt":null}]}'


@pytest.mark.parametrize(
    ("table", "name", "good", "bad"),
    [
        (
            tables.DEALS,
            "amount",
            ("12.5", "-3", "1e3", "0.12345678901234567890", "", " 7 "),
            ("12,5", "12.5 EUR", "1e13", "nan"),
        ),
        (
            tables.DEALS,
            "closedate",
            ("2026-10-01T10:00:00.123Z", "2026-10-01T10:00:00+00:00", "2026-10-01", ""),
            ("01.10.2026", "2026-13-01", "soon", "2026-10-01T25:00:00Z"),
        ),
        (tables.DEALS, "hs_is_closed_won", ("true", "false", ""), ("yes", "1", "ja")),
        (tables.CONTACTS, "hs_analytics_num_visits", ("7", "7.0"), ("seven", "7,0")),
        (tables.CONTACTS, "hs_latest_source_timestamp", ("2026-10-01T10:00:00Z",), ("1696150800000",)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_property_that_cannot_be_read_rejects_its_record(
    table: Table, name: str, good: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    reader = Reader(table)
    for text in good:
        reading = reader.read([PROPERTY % (name.encode(), text.encode())], {})
        assert reading.table.column(name).to_pylist() == [text], text
    for text in bad:
        reading = reader.read([PROPERTY % (name.encode(), text.encode())], {})
        (rejected,) = reading.rejected
        assert rejected.reason.startswith(f"{name} is not a "), text


@pytest.mark.parametrize(("rate", "rejected"), [(b"0.92", 0), (b'"0.92"', 0), (b'"0,92"', 1)])
def test_an_exchange_rate_that_is_no_number_is_rejected(rate: bytes, rejected: int) -> None:
    page = (
        b'{"results":[{"id":"1","fromCurrencyCode":"USD","toCurrencyCode":"EUR","conversionRate":%s,'
        b'"effectiveAt":"2026-10-01T00:00:00Z"}]}'
    )
    assert len(Reader(tables.EXCHANGE_RATES).read([page % rate], {}).rejected) == rejected


def test_the_ten_second_limit_is_read_from_the_headers() -> None:
    assert api.learn(HEADERS) == Limit(190, 10.0)


@pytest.mark.parametrize("changed", [{"x-hubspot-ratelimit-max": value} for value in ("0", "-1", "many", "")])
def test_an_invalid_limit_is_ignored(changed: dict[str, str]) -> None:
    assert api.learn(HEADERS | changed) is None


def test_search_answers_have_no_limit() -> None:
    assert api.learn({"date": "Sun, 01 Nov 2026 06:00:00 GMT"}) is None


@pytest.mark.parametrize(
    ("path", "lane"),
    [
        ("/crm/objects/2026-09/contacts/search", "search"),
        ("/crm/v3/objects/deals/search", "search"),
        ("/crm/lists/2026-09/search", "search"),
        ("/crm/objects/2026-09/contacts", "any"),
    ],
)
def test_searches_have_a_limit_of_their_own(path: str, lane: str) -> None:
    assert api.POLICY.lane(path) == lane


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (200, {}, None),
        (207, {"numErrors": 1}, None),
        (401, {"message": "expired"}, Fault("token", "expired")),
        (530, {"message": "malformed token"}, Fault("token", "malformed token")),
        (403, {"message": "scopes"}, Fault("access", "scopes")),
        (400, {"message": "no"}, Fault("request", "no")),
        (414, None, Fault("request", "HTTP 414")),
        (423, {"message": "locked"}, Fault("throttled", "locked", 2.0)),
        (477, {"message": "moving"}, Fault("transient", "moving")),
        (429, {"message": "x", "policyName": "TEN_SECONDLY_ROLLING"}, Fault("throttled", "x")),
        (429, {"message": "x", "policyName": "SECONDLY"}, Fault("throttled", "x", 1.0)),
        (429, {"message": "x", "policyName": "DAILY"}, Fault("throttled", "x", hopeless=True)),
        (503, ["no object"], Fault("transient", "HTTP 503")),
        (524, {"message": "slow"}, Fault("transient", "slow")),
    ],
)
def test_every_status_has_its_fault(status: int, body: Any, fault: Fault | None) -> None:
    assert api.judge(status, {}, body) == fault


def test_the_vendors_waiting_time_wins() -> None:
    fault = api.judge(429, {"retry-after": "4"}, {"message": "x", "policyName": "SECONDLY"})
    assert fault is not None
    assert fault.wait == 4.0


def listing(rows: list[Any], after: str | None = None) -> Any:
    paging = {"paging": {"next": {"after": after}}} if after else {}
    return api._listing(orjson.dumps({"results": rows, **paging}))


@pytest.mark.parametrize(
    "odd", [[], ["no object"], [{"id": None}], [{"id": {"a": 1}}], [{"submittedAt": "1"}]]
)
def test_a_page_with_malformed_records_keeps_its_ids_and_cursor(odd: list[Any]) -> None:
    page = listing([*odd, {"id": "151", "submittedAt": 5}, {"id": 152}], "151")

    assert (page.ids, page.after, len(page.results)) == (("151", "152"), "151", len(odd) + 2)


@pytest.mark.parametrize("body", [b'{"results": {}}', b"[]", b'{"hello": "world"}', b"5"])
def test_a_body_that_is_not_a_listing_is_rejected(body: bytes) -> None:
    assert not isinstance(api._listing(body), api._Listing)
    with pytest.raises(ValueError, match="malformed"):
        api._listing(b"<html>")


def lists(*answers: dict[str, Any]) -> tuple[list[Any], list[int]]:
    """Return the lists that were read and the offsets that were requested."""
    asked: list[int] = []
    left = list(answers)

    def send(method: str, url: str, headers: Any, body: bytes | None) -> Reply:
        asked.append(orjson.loads(body or b"")["offset"])
        return Reply(200, {}, orjson.dumps(left.pop(0)))

    portal = api.HubSpot(Client(api.POLICY, "https://api.ex.test", send=send), "2026-09")
    return [row for page in portal.lists() for row in orjson.loads(page.body)["results"]], asked


def test_lists_are_read_to_their_end() -> None:
    first, last = {"lists": [1, 2], "hasMore": True, "offset": 2}, {"lists": [3], "hasMore": False}
    assert lists(first, last) == ([1, 2, 3], [0, 2])


@pytest.mark.parametrize("paging", [{"offset": 2}, {}])
def test_lists_that_repeat_their_offset_end_the_load(paging: dict[str, int]) -> None:
    page = {"lists": [1, 2], "hasMore": True, **paging}
    with pytest.raises(ResponseError, match="repeated its paging cursor; run again"):
        lists(*[page] * 4)


def repeating(answer: dict[str, Any]) -> api.HubSpot:
    """Return a portal that sends the same answer to every request."""

    def send(method: str, url: str, headers: Any, body: bytes | None) -> Reply:
        return Reply(200, {}, orjson.dumps(answer))

    return api.HubSpot(Client(api.POLICY, "https://api.ex.test", send=send), "2026-09")


def test_a_search_that_repeats_itself_ends_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SEARCH_PAGE_SIZE", 2)
    portal = repeating({"results": [{"id": "5"}, {"id": "7"}]})
    with pytest.raises(ResponseError, match="search of contacts repeated its paging cursor; run again"):
        list(portal.changed("contacts", "lastmodifieddate", datetime(2026, 11, 1, tzinfo=UTC)))


def test_endless_pages_of_associations_end_the_load() -> None:
    endless = {"from": {"id": "1"}, "to": [], "paging": {"next": {"after": "2"}}}
    with pytest.raises(ResponseError, match="associations of deals repeated its paging cursor; run again"):
        list(repeating({"results": [endless]}).associated("deals", ["1"], "contacts"))


def test_submissions_are_read_back_to_the_requested_instant() -> None:
    rows = [{"submittedAt": 30}, {"submittedAt": None}, {"submittedAt": 10}]
    assert api._older_than(20)(listing(rows))
    assert not api._older_than(10)(listing(rows))
    assert not api._older_than(None)(listing(rows))


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_clock_that_cannot_be_read_is_none(date: str) -> None:
    assert api.clock(Answer(b"", None, {"date": date})) is None


def test_the_portals_own_properties_are_masked_in_quarantine() -> None:
    record = {"properties": {"mobilephone": "0171 123", "lifecyclestage": "lead", "firstname": "Ada"}}
    reader = Reader(tables.contacts(("mobilephone",)))
    reading = reader.read([orjson.dumps({"results": [record]})], {})
    reader.close()

    (rejected,) = reading.rejected
    assert orjson.loads(rejected.record)["properties"] == {
        "mobilephone": "<str>",
        "lifecyclestage": "lead",
        "firstname": "<str>",
    }


@pytest.mark.parametrize(
    ("record_id", "number"),
    [("151", 151), (151, 151), ("9" * 25, None), (["151"], None), ("odd", None), (-1, None), (7.5, None)],
)
def test_an_id_that_is_no_number_is_none(record_id: Any, number: int | None) -> None:
    assert api.number_of(record_id) == number
