"""The typed read and its row-by-row fallback return the same rows; a bad value rejects only its row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.http import bodies
from ingestion.landing.arrow import INT, Column, Reader, Table, keys_of, mask
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
def test_each_record_is_read_or_rejected_as_if_it_came_alone(reader: Reader, pages: list[list[Any]]) -> None:
    alone = [reader.read([page([record])], CONTEXT) for records in pages for record in records]

    reading = reader.read([page(records) for records in pages], CONTEXT)

    assert plain(reading.table) == [row for one in alone for row in plain(one.table)]
    assert reading.rejected == [rejected for one in alone for rejected in one.rejected]
    assert reading.received == len(alone)
    assert reading.table.schema == TABLE.schema


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(good, min_size=1, max_size=6), number=st.integers(0, 5))
def test_a_page_with_a_bad_record_lands_the_others_as_the_typed_read_does(
    reader: Reader, records: list[Any], number: int
) -> None:
    expected = reader.typed([page(records)], CONTEXT)
    records.insert(number, {"id": "no digits"})

    reading = reader.read([page(records)], CONTEXT)

    assert plain(reading.table) == plain(expected)
    assert [rejected.reason for rejected in reading.rejected] == ["id is not an id"]


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


KINDS = Table(
    "kinds",
    "results[]",
    (
        Column("text", "text", "text"),
        Column("id", "id", "id"),
        Column("number_id", "id", "number_id", wire=INT),
        Column("instant", "instant", "instant"),
        Column("epoch", "epoch_ms", "epoch"),
        Column("date", "date", "date"),
        Column("parts", "date_parts", "parts"),
        Column("integer", "integer", "integer"),
        Column("float", "float", "float"),
        Column("money", "money", "money"),
        Column("boolean", "boolean", "boolean"),
        Column("urn", "id", "urns[0]"),
    ),
    key=("id",),
    disposition="replace",
)


@pytest.fixture(scope="module")
def kinds() -> Reader:
    return Reader(KINDS)


@pytest.mark.parametrize(
    ("column", "usual", "others"),
    [
        ("text", "7", [7, 7.0]),
        ("text", "true", [True]),
        ("text", "7.5", [7.5]),
        ("id", "7", [7, 7.0, "urn:li:x:7"]),
        ("number_id", 7, ["7", 7.0, "urn:li:x:7"]),
        ("number_id", 2**60 + 1, [str(2**60 + 1)]),
        ("epoch", 1_730_000_000_000, ["1730000000000", 1_730_000_000_000.0, "1730000000000.0"]),
        ("parts", {"year": 2026, "month": 3, "day": 9}, [{"year": "2026", "month": 3.0, "day": "9"}]),
        ("integer", "7", [7, 7.0, "7.0"]),
        ("integer", str(2**62), [2**62]),
        ("float", 7.5, ["7.5"]),
        ("float", 7.0, [7, "7", "7.0"]),
        ("money", "7.10", [7.1]),
        ("money", "7", [7, 7.0, "7.0"]),
        ("boolean", True, ["true"]),
        ("boolean", False, ["false"]),
        *((column, None, ["absent"]) for column in KINDS.schema.names if column != "urn"),
    ],
)
def test_the_same_value_in_another_json_type_is_the_same_value(
    kinds: Reader, column: str, usual: Any, others: list[Any]
) -> None:
    records: list[Any] = [{} if other == "absent" else {column: other} for other in others]
    expected = kinds.typed([page([{column: usual}])], {}).to_pylist()

    reading = kinds.read([page([{column: usual}, *records])], {})

    assert reading.table.to_pylist() == expected * (len(others) + 1)
    assert reading.rejected == []


def test_another_json_type_is_reported_once_per_column(kinds: Reader) -> None:
    records = [{"integer": 7, "boolean": "true"}, {"integer": 8, "text": "x"}, {"integer": "9"}]

    assert kinds.read([page(records)], {}).drifted == {
        ("integer", "string", "number"): 2,
        ("boolean", "boolean", "string"): 1,
    }


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"integer": 7.5}, "integer is not a BIGINT"),
        ({"integer": "7.5"}, "integer is not a BIGINT"),
        ({"integer": True}, "integer changed from string to boolean"),
        ({"integer": 2.0**60}, "integer is a number that is too large to be exact"),
        ({"integer": "1e30"}, "integer is not a BIGINT"),
        ({"id": 2**53}, "id is a number that is too large to be exact"),
        ({"id": 7.5}, "id is not an id"),
        ({"id": -7}, "id is not an id"),
        ({"id": True}, "id changed from string to boolean"),
        ({"number_id": 2.0**53}, "number_id is a number that is too large to be exact"),
        ({"boolean": "yes"}, "boolean is not a BOOLEAN"),
        ({"boolean": 1}, "boolean changed from boolean to number"),
        ({"instant": 1_730_000_000}, "instant changed from string to number"),
        ({"float": "1,5"}, "float is not a DOUBLE"),
        ({"float": "nan"}, "float is not a DOUBLE"),
        ({"money": "10000000000000"}, "money is not a DECIMAL(18,6)"),
        ({"text": ["a"]}, "text changed from string to array"),
        ({"text": 2.0**60}, "text is a number that is too large to be exact"),
        ({"text": "x" * 500_001}, "text is longer than 500,000 bytes"),
        ({"parts": "2026-03-09"}, "parts changed from object to string"),
        ({"parts": {"year": 2026, "month": 13, "day": 1}}, "parts is not a DATE"),
        ({"urns": []}, "urn: urns has too few elements"),
        ({"urns": "urn:x:1"}, "urns changed from array to string"),
        (None, "the record is null"),
        ("row", "the record is not an object"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_value_that_could_mean_two_things_rejects_its_record(
    kinds: Reader, record: Any, reason: str
) -> None:
    reading = kinds.read([page([{"text": "before"}, record]), page([{"text": "after"}])], {})

    assert reading.table.column("text").to_pylist() == ["before", "after"]
    assert [rejected.reason for rejected in reading.rejected] == [reason]


UNREADABLE = {
    b'"x\xff"': "text: bytes that are not UTF-8",
    b'"x\\ud800"': "text: half a surrogate pair",
    b'"x\\q"': "text: an invalid escape sequence",
    b"NaN": "text: NaN is not a number",
    b"-Infinity": "text: -Infinity is not a number",
    b"1e400": "text: a number beyond every type",
    b"1" * 5000: "text: a number beyond every type",
    b"[" * 100_000 + b"]" * 100_000: "nested more than 100 levels deep",
}


@pytest.mark.parametrize(("value", "reason"), UNREADABLE.items(), ids=UNREADABLE.values())
def test_a_value_that_no_parser_accepts_rejects_its_record(kinds: Reader, value: bytes, reason: str) -> None:
    body = b'{"results":[{"id":"1"},{"id":"2","text":%s},{"id":"3"}]}' % value

    for sent in (body, bodies.mended(body)):
        reading = kinds.read([sent], {})

        assert reading.table.column("id").to_pylist() == ["1", "3"]
        assert [rejected.reason for rejected in reading.rejected] == [reason]
    assert bodies.loads(body)["results"][2] == {"id": "3"}


@pytest.mark.parametrize("body", [b"<html>", b'{"results":[{"id":"1"', b"[" * 100_000, b""])
def test_a_body_that_is_not_json_has_no_records(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|cut short|Expecting"):
        bodies.loads(body)


@pytest.mark.parametrize("name", ["id", "extra"])
def test_a_field_that_is_specified_twice_rejects_its_record(reader: Reader, name: str) -> None:
    body = b'{"results":[{"id":"1","extra":[1]},{"id":"2","%s":"3","%s":"4"}]}'

    reading = reader.read([body % (name.encode(), name.encode())], CONTEXT)

    assert reading.table.column("id").to_pylist() == ["1"]
    assert [rejected.reason for rejected in reading.rejected] == ["a field is specified twice"]


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
        "url": "https://ex.test/?<query>",
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


@pytest.mark.parametrize(
    "other",
    [
        '[{"type":"lead","value":7}]',
        '[{"type":"lead","value":7.0}]',
        '[ {"type":"lead", "value":"7"} ]',
    ],
)
def test_a_json_value_in_another_type_is_no_change(reader: Reader, other: str) -> None:
    texts = ['[{"type":"lead","value":"7"}]', other, '[{"type":"lead","value":"8"}]', None]

    usual, drifted, changed, missing = reader.comparable(pa.array(texts, pa.string())).to_pylist()

    assert usual == drifted != changed
    assert missing is None


def test_the_order_of_a_json_list_is_no_change(reader: Reader) -> None:
    lists = pa.array(['[{"a":1},{"b":2}]', '[{"b":2},{"a":1}]', '{"a":[1,2]}', "7"], pa.string())

    assert reader.comparable(lists).to_pylist() == ["[{a:1}, {b:2}]", "[{a:1}, {b:2}]", "{a:[1,2]}", "7"]
