"""The typed read and its row-by-row fallback return the same rows; a bad value rejects only its row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.landing.arrow import INT, Column, Reader, Refused, Table, keys_of, mask
from ingestion.landing.resources import Recent

TABLE = Table(
    "things",
    "results[]",
    (
        Column("account_id", "id"),
        Column("id", "id", "id", required=True),
        Column("at", "instant", "at"),
        Column("amount", "money", "figures.amount"),
        Column("count", "integer", "figures.count", wire=INT),
        Column("label", "text", "label"),
        Column("extra", "json", "extra", default="[]"),
    ),
    key=("account_id", "id"),
    disposition="merge",
)
CONTEXT = {"account_id": "7"}

good = st.fixed_dictionaries(
    {"id": st.integers(1, 10**18).map(str)},
    optional={
        "at": st.none() | st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
        "figures": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "amount": st.decimals(-(10**6), 10**6, places=9).map(str),
                "count": st.none() | st.integers(-(2**62), 2**62),
            },
        ),
        "label": st.none() | st.text(max_size=8),
        "extra": st.lists(
            st.dictionaries(st.text(max_size=3), st.integers(0, 9) | st.text(max_size=3), max_size=2)
        ),
        "unknown": st.integers(0, 9),
    },
)
bad = st.sampled_from(
    [
        {"id": "1", "at": "yesterday"},
        {"id": "1", "at": 5},
        {"id": None},
        {"id": "no digits"},
        {"id": {"nested": 1}},
        {"id": "1", "figures": "none"},
        {"id": "1", "figures": {"amount": "1,5"}},
        {"id": "1", "figures": {"count": 1.5}},
        {"id": "1", "label": ["a@ex.test"]},
        {},
        "row",
        7,
        None,
    ]
)


def page(records: list[Any]) -> bytes:
    return orjson.dumps({"results": records, "paging": {}}, option=orjson.OPT_INDENT_2)


def plain(table: pa.Table) -> list[dict[str, Any]]:
    return [{**row, "extra": orjson.loads(row["extra"])} for row in table.to_pylist()]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(TABLE)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pages=st.lists(st.lists(good | bad, max_size=5), min_size=1, max_size=4))
def test_the_fallback_lands_what_the_typed_read_would_and_rejects_the_rest(
    reader: Reader, pages: list[list[Any]]
) -> None:
    records = [record for records in pages for record in records]
    expected, rejected = [], 0
    for record in records:
        try:
            expected += plain(reader.typed([page([record])], CONTEXT))
        except Refused:
            rejected += 1

    reading = reader.read([page(records) for records in pages], CONTEXT)

    assert plain(reading.table) == expected
    assert len(reading.rejected) == rejected
    assert reading.received == len(records)
    assert reading.table.schema == TABLE.schema


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(good, max_size=6))
def test_good_pages_need_no_fallback(reader: Reader, records: list[Any]) -> None:
    table = reader.typed([page(records)], CONTEXT)

    assert table.column("id").to_pylist() == [record["id"] for record in records]
    assert [orjson.loads(text) for text in table.column("extra").to_pylist()] == [
        record.get("extra", []) for record in records
    ]


def test_every_bad_record_is_rejected_with_its_column(reader: Reader) -> None:
    reading = reader.read(
        [
            page(
                [
                    {"id": "1", "at": "yesterday"},
                    {"id": "2"},
                    {"id": "3", "figures": {"amount": "1,5"}},
                    {"x": 1},
                ]
            )
        ],
        CONTEXT,
    )

    assert reading.table.column("id").to_pylist() == ["2"]
    assert [rejected.reason for rejected in reading.rejected] == [
        "at is not a TIMESTAMP WITH TIME ZONE",
        "amount is not a DECIMAL(18,6)",
        "id is missing",
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("99.9999999999999600000", "100.000000"),
        ("-2E-18", "0.000000"),
        ("0.0000005", "0.000001"),
        ("-0.0000005", "-0.000001"),
        ("76.53", "76.530000"),
    ],
)
def test_money_is_rounded_half_up_to_six_places(reader: Reader, text: str, value: str) -> None:
    table = reader.typed([page([{"id": "1", "figures": {"amount": text}}])], CONTEXT)

    assert table.column("amount").to_pylist() == [Decimal(value)]


def test_numbers_are_accepted_in_place_of_text(reader: Reader) -> None:
    table = reader.typed([page([{"id": "1", "figures": {"count": "12", "amount": 1.5}}])], CONTEXT)

    assert table.select(["count", "amount"]).to_pylist() == [{"count": 12, "amount": Decimal("1.500000")}]


def test_nested_lists_keep_values_of_the_enclosing_record() -> None:
    pairs = Table(
        "pairs",
        "batches[].results[]",
        (
            Column("batch", "text", "^name"),
            Column("first", "id", "urns[0]"),
            Column("second", "id", "urns[1]"),
        ),
        key=("batch", "first"),
        disposition="replace",
    )
    batches = [
        {"name": "a", "results": [{"urns": ["urn:x:1", "urn:x:2"]}, {"urns": ["urn:x:3"]}]},
        {"name": "b"},
        {"name": "c", "results": [{"urns": ["urn:x:4", "urn:x:5"]}]},
    ]
    reading = Reader(pairs).read([orjson.dumps(batches)], {})

    assert reading.table.to_pylist() == [
        {"batch": "a", "first": "1", "second": "2"},
        {"batch": "c", "first": "4", "second": "5"},
    ]
    assert [(item.record, item.reason) for item in reading.rejected] == [
        ('{"urns":["urn:x:3"]}', "second: urns has too few elements")
    ]


def test_masking_hides_addresses_long_texts_and_private_values_and_keeps_the_rest() -> None:
    record = {
        "id": "151",
        "email": "a.b@ex.test",
        "url": "https://ex.test/?mail=a%40ex.test&gclid=1",
        "note": "x" * 65,
        "values": [{"name": "phone", "value": "0171 123"}],
        "n": 5,
    }

    assert mask(record, frozenset({"value"})) == {
        "id": "151",
        "email": "<e-mail>",
        "url": "https://ex.test/?mail=<e-mail>&gclid=1",
        "note": "<text of 65 characters>",
        "values": [{"name": "phone", "value": "<str>"}],
        "n": 5,
    }


@given(
    rows=st.lists(st.tuples(st.none() | st.text("a|:-", max_size=3), st.none() | st.text("a|:-", max_size=3)))
)
def test_keys_are_equal_exactly_where_the_columns_are(rows: list[tuple[str | None, str | None]]) -> None:
    table = pa.table(
        {"a": pa.array([r[0] for r in rows], pa.string()), "b": pa.array([r[1] for r in rows], pa.string())}
    )
    keys = keys_of(table, ("a", "b"))

    assert len(set(keys.to_pylist())) == len(set(rows))


def test_recent_keys_are_recognised_with_bounded_memory() -> None:
    recent = Recent(size=100)

    assert [recent.add(number) for number in (1, 1, 2)] == [True, False, True]
    assert all(recent.add(number) for number in range(100, 1000))
    assert not any(recent.add(number) for number in range(901, 1000)), "the newest hundred at least"
    assert recent.add(1), "what is long gone is left to staging"
    every = Recent(size=None)
    assert all(every.add(number) for number in range(1000))
    assert not every.add(0)
