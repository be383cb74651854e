"""The same rows are read, however LinkedIn's answers are split by fields, days or campaigns."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.errors import ResponseError
from ingestion.http.bounded import Reply
from ingestion.http.client import Client, Policy
from ingestion.landing.arrow import Page
from ingestion.landing.resources import DaysRead, Window
from ingestion.sources.linkedin_ads import api, figures, leads, settings
from sandbox.apis import restli

METRICS = tuple("abcdefgh")
FIRST = date(2026, 10, 1)
CAMPAIGNS = tuple(str(number) for number in range(31, 36))

Cell = tuple[int, str, str]
Facts = dict[Cell, dict[str, int]]

cells = st.tuples(st.integers(0, 6), st.sampled_from(CAMPAIGNS), st.sampled_from("xyz"))
amounts = st.dictionaries(st.sampled_from(METRICS), st.integers(0, 2), max_size=4)
facts_of_a_week = st.dictionaries(cells, amounts, max_size=40)


@dataclass
class AdAnalytics:
    """A fake API over some rows: leaves zeros out, truncates at `most` and refuses too many fields."""

    facts: Facts
    most: int
    fields: int
    listed: tuple[str, ...] = CAMPAIGNS
    longest: int = 10**6

    def send(self, method: str, url: str, headers: Any, body: bytes | None) -> Reply:
        address, _, query = url.partition("?")
        if method == "POST":
            assert headers["X-HTTP-Method-Override"] == "GET"
            query = (body or b"").decode()
        assert len(url) <= self.longest
        asked = restli.parse(query, headers["X-Restli-Protocol-Version"])
        if address.endswith("/adCampaigns"):
            elements: list[Any] = [{"id": int(campaign)} for campaign in self.listed]
        else:
            names = asked["fields"].split(",")
            assert len(names) <= self.fields
            elements = self.rows(asked, names[2:])[: self.most]
        return Reply(200, {}, orjson.dumps({"elements": elements}))

    def rows(self, asked: dict[str, Any], metrics: list[str]) -> list[dict[str, Any]]:
        first, last = (date(*map(int, asked["dateRange"][end].values())) for end in ("start", "end"))
        chosen = {urn.rpartition(":")[2] for urn in asked.get("campaigns", ())} or set(CAMPAIGNS)
        rows = []
        for (day, campaign, creative), figures_of in sorted(self.facts.items()):
            on = FIRST + timedelta(days=day)
            shown = {name: figures_of.get(name, 0) for name in metrics}
            if first <= on <= last and campaign in chosen and any(shown.values()):
                at = {"year": on.year, "month": on.month, "day": on.day}
                keys = {"dateRange": {"start": at, "end": at}, "pivotValues": [f"urn:{campaign}:{creative}"]}
                rows.append({**keys, **shown})
        return rows


def ads(server: AdAnalytics) -> api.LinkedInAds:
    policy = Policy(settings.SOURCE, api.judge)
    client = Client(policy, "https://api.linkedin.test", send=server.send)
    return api.LinkedInAds(client, "202607", ("5",), "UTC")


def read(server: AdAnalytics, patch: pytest.MonkeyPatch) -> list[Page | DaysRead]:
    patch.setattr(settings, "MOST_ELEMENTS", server.most)
    patch.setattr(settings, "MOST_FIELDS", server.fields)
    patch.setattr(settings, "LONGEST_ADDRESS", server.longest)
    week = Window(FIRST, FIRST + timedelta(days=6))
    return list(figures.pages(ads(server), figures.Query("5", ("CREATIVE",), METRICS, week)))


def figures_of(items: list[Page | DaysRead]) -> Facts:
    """Return the rows of the pages without zeros; fails if a row occurs twice."""
    found: dict[Cell, dict[str, int]] = {}
    for item in items:
        for row in orjson.loads(item.body)["elements"] if isinstance(item, Page) else ():
            day = (date(**row["dateRange"]["start"]) - FIRST).days
            _, campaign, creative = row["pivotValues"][0].split(":")
            assert (day, campaign, creative) not in found
            found[day, campaign, creative] = {name: row[name] for name in METRICS if row.get(name)}
    return found


def without_zeros(facts: Facts) -> Facts:
    shown = {cell: {name: n for name, n in amounts.items() if n} for cell, amounts in facts.items()}
    return {cell: amounts for cell, amounts in shown.items() if amounts}


@given(facts_of_a_week, st.integers(4, 60), st.integers(3, 12), st.sampled_from([300, 400, 10**6]))
def test_any_limit_of_elements_fields_and_url_length_gives_the_same_rows(
    facts: Facts, most: int, fields: int, longest: int
) -> None:
    # a campaign has three creatives, so a day of one campaign fits into four elements
    with pytest.MonkeyPatch.context() as patch:
        items = read(AdAnalytics(facts, most, fields, longest=longest), patch)
    assert figures_of(items) == without_zeros(facts)
    assert items[-1] == DaysRead("5", Window(FIRST, FIRST + timedelta(days=6)))


@given(facts_of_a_week, st.permutations(METRICS), st.sets(st.integers(1, len(METRICS) - 1)))
def test_answers_join_to_the_same_rows_whatever_the_split_of_fields(
    facts: Facts, metrics: list[str], cuts: set[int]
) -> None:
    server = AdAnalytics(facts, 1000, 20)
    at = {"year": 2026, "month": 10, "day": 1}
    asked = {"dateRange": {"start": at, "end": {**at, "day": 7}}}
    places = [0, *sorted(cuts), len(metrics)]
    parts = [server.rows(asked, metrics[a:b]) for a, b in pairwise(places)]
    joined = orjson.dumps({"elements": figures.joined(parts)})
    assert figures_of([Page(joined)]) == without_zeros(facts)


def test_a_repeated_key_in_an_answer_stays_two_rows() -> None:
    row = {"pivotValues": ["urn:1"], "dateRange": {"start": {"day": 1}}}
    joined = figures.joined([[row | {"a": 1}, row | {"a": 2}], [row | {"b": 3}]])
    assert joined == [row | {"a": 1, "b": 3}, row | {"a": 2}]


@pytest.mark.parametrize("record", [None, 7, "text", [{"a": 1}]])
def test_what_is_no_row_is_left_for_the_reader_to_reject(record: Any) -> None:
    row = {"pivotValues": ["urn:1"], "dateRange": {"start": {"day": 1}}}
    assert figures.joined([[row, record], [row | {"b": 3}]]) == [row | {"b": 3}, record]


def dense() -> Facts:
    return defaultdict(dict, {(0, campaign, c): {"a": 1} for campaign in CAMPAIGNS for c in "xyz"})


def test_a_truncated_day_of_a_single_campaign_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ResponseError, match="truncated account 5 on 2026-10-01 at 3 elements for a single campaign"
    ):
        read(AdAnalytics(dense(), 3, 20), monkeypatch)


def test_rows_of_an_unlisted_campaign_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ResponseError, match="3 of them belong to no campaign of the account"):
        read(AdAnalytics(dense(), 10, 20, listed=CAMPAIGNS[1:]), monkeypatch)


@dataclass
class Pages:
    """A fake resource paged by offset: at most `most` rows a page, with or without a total."""

    rows: int
    most: int
    total: bool

    def send(self, method: str, url: str, headers: Any, body: bytes | None) -> Reply:
        asked = restli.parse(url.partition("?")[2], headers["X-Restli-Protocol-Version"])
        start = int(asked["start"])
        elements = [{"id": number} for number in range(start, min(self.rows, start + self.most))]
        paging = {"start": start, "count": self.most} | ({"total": self.rows} if self.total else {})
        return Reply(200, {}, orjson.dumps({"elements": elements, "paging": paging}))


@given(st.integers(0, 30), st.integers(1, 12), st.booleans())
def test_pages_by_offset_are_read_to_their_end(rows: int, most: int, total: bool) -> None:
    found = ads(cast(AdAnalytics, Pages(rows, most, total))).by_offset("/rest/x?q=a", "5", settings.ADS)
    assert [row["id"] for answer in found for row in answer.document["elements"]] == list(range(rows))


def test_a_repeated_page_by_offset_ends_the_load() -> None:
    class Stuck(Pages):
        def send(self, method: str, url: str, headers: Any, body: bytes | None) -> Reply:
            return super().send(method, "https://x/?start=0", headers, body)

    with pytest.raises(ResponseError, match="repeated its paging cursor; run again"):
        list(ads(cast(AdAnalytics, Stuck(3, 3, False))).by_offset("/rest/x?q=a", "5", settings.ADS))


answers = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(["Ada", "a@ex.test", "a@work.test"])), max_size=4
)


@given(answers, st.permutations([1, 2]))
def test_a_lead_keeps_the_answer_to_an_email_question_and_no_other(
    given_answers: list[tuple[int, str]], emails: list[int]
) -> None:
    response = {
        "id": "f0a-4",
        "submitter": "urn:li:person:qX9",
        "versionedLeadGenFormUrn": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:685,2)",
        "formResponse": {
            "answers": [
                {"questionId": question, "answerDetails": {"textQuestionAnswer": {"answer": text}}}
                for question, text in given_answers
            ]
        },
    }
    found = leads.lead(response, {"685": list(map(str, emails)), "686": ["3"]})
    by_question = dict(given_answers)
    assert found["email"] == by_question.get(emails[0], by_question.get(emails[1]))
    assert (found["form"], found["formVersion"]) == ("685", "2")
    assert found.keys() == {*leads._KEPT, "form", "formVersion", "email"}


@pytest.mark.parametrize("response", [None, "text", 7])
def test_a_malformed_response_is_skipped(response: Any) -> None:
    assert leads.lead(response, {"685": ["1"]}) is None


@pytest.mark.parametrize(
    ("body", "wait", "hopeless"),
    [
        (
            {"message": "More than 45 million metric values were requested", "serviceErrorCode": 101},
            330.0,
            False,
        ),
        ({"message": "Resource level throttle APPLICATION DAY limit for calls is reached."}, None, True),
        ({"message": "Limited.", "serviceErrorCode": 101}, None, True),
        ({"message": "Too many requests"}, None, False),
    ],
)
def test_the_message_identifies_the_limit(body: dict[str, Any], wait: float | None, hopeless: bool) -> None:
    fault = api.judge(429, {}, body)
    assert fault is not None
    assert (fault.kind, fault.wait, fault.hopeless) == ("throttled", wait, hopeless)
