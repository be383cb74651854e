"""Raw stores with odd values that visitors or vendors may write and that the loads admit."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb

_TEXTS = (
    *(
        "",
        " ",
        "%",
        "%2",
        "%zz",
        "%E4",
        "M%E4rz",
        "%25E4",
        "+",
        "//",
        "?=&=#",
        "http://[::1",
        "\\",
        "$.x",
        "(?",
        "'\"; --",
    ),
    *("[", "{", "[]", "null", '{"a": 1}', "a" * 100_000, "\U0001f600\u202e"),
    *("-1", "-0.0", "1e400", "NaN", "Infinity", "1.5.2", "0x1F", "9" * 19, "9" * 30),
    *("2026-13-45T99:00:00Z", "0000-00-00", "-290000-01-01"),
    *(":::", "a:b:9223372036854775807", "a::99999999999999"),
    "https://example.test/?utm_campaign=M%E4rz&hsa_cam=%&hsa_acc=%E4&gclid=%&hsa_net=",
    "https://example.test/?" + "&".join(f"utm_campaign=%C3{number}" for number in range(50)),
)
_DOCUMENTS = (
    *("null", "7", '"x"', "[]", "{}", "[null]", "[{}]", "[[]]", "[[1]]", '["%E4", 7, null, {}]'),
    # actions of Meta
    '[{"action_type": [1], "value": {}, "1d_click": "x"}]',
    '[{"action_type": "lead", "value": "1e300"}, {"action_type": "lead", "value": "NaN"}]',
    '[{"action_type": "lead", "value": "abc", "1d_click": "9999999999999999999999", "7d_click": "abc"}]',
    # submitted values and property histories of HubSpot
    '[{"name": ["email"], "value": {}}, {"name": "email", "value": ["a"]}]',
    '{"hs_analytics_last_url": "x"}',
    '{"hs_analytics_last_url": [{"value": "https://x.test/?utm_campaign=%E4", "timestamp": "x"}]}',
    '{"hs_analytics_last_url": [{"value": 7, "timestamp": "9999-12-31T23:59:59Z"}],'
    ' "hs_calculated_form_submissions":'
    ' [{"value": "a::9223372036854775807", "timestamp": "0001-01-01T00:00:00Z"}]}',
    # windows, forms, filters, stages and associations
    '[{"event_type": "CLICK_THROUGH", "window_days": "x"}, {"event_type": 7, "window_days": 1e300}]',
    '[{"kind": 7, "has_email_field": "maybe"}]',
    '{"filters": {"filters": "x"}}',
    '{"filters": [{"adNetwork": "ADWORDS", "filterType": "ADS_SEARCH", "entityType": "CAMPAIGN",'
    ' "operator": "IS_EQUAL_TO", "searchTerms": "x", "searchTermType": "ID"}]}',
    '[{"id": 7, "label": null, "metadata": "x"}]',
    '[{"toObjectId": {}}]',
)
_VALUES: dict[str, tuple[Any, ...]] = {
    "VARCHAR": _TEXTS,
    "JSON": _DOCUMENTS,
    "TIMESTAMP WITH TIME ZONE": (
        *("0001-01-01 00:00:00+00", "1969-12-31 23:59:59+00", "2026-10-25 00:59:59+00"),
        *("9999-12-31 23:59:59+00", None),
    ),
    "BOOLEAN": (True, False, None),
    "BIGINT": (0, 10**11 - 1, None),
    "DOUBLE": (0.0, 1e-9, 99_999_999_999.0, None),
    "DECIMAL(18,6)": ("0", "99999999999.999999"),
}
#: What adledger writes itself, and what decides which row counts.
_OWN_TABLES = {"quarantine", "load_counts", "load_faults", "stream_state", "available_inputs"}
_OWN_COLUMNS = {
    "id",
    "row_version",
    "observed_at",
    "superseded_at",
    "is_day_marker",
    "snapshot_id",
    "rules_version",
}
_OWN_COLUMNS |= {"http_status", "evidence"}
#: A currency without an exchange rate stops a build, as docs/contract.md says.
_CURRENCIES = {"currency", "company_currency", "currency_code", "account_currency", "deal_currency_code"}
_CURRENCIES |= {"from_currency", "to_currency", "rate"}


def put_odd_values(raw: Path, seed: int) -> int:
    """Puts odd values into some rows of every column of the raw stores; returns how many."""
    changed = 0
    for store in sorted(raw.glob("*.duckdb")):
        chosen = random.Random(f"{store.stem}:{seed}")
        with duckdb.connect(str(store)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            columns = connection.execute("""
                SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns()
                WHERE schema_name = 'raw' AND NOT starts_with(table_name, '_dlt')
                    AND NOT starts_with(column_name, '_')
                ORDER BY table_name, column_index
            """).fetchall()
            for table, column, kind, nullable in columns:
                if table in _OWN_TABLES or column in _OWN_COLUMNS | _CURRENCIES or kind not in _VALUES:
                    continue
                # HubSpot's domains are a list that adledger writes as text
                values = [
                    value
                    for value in _VALUES["JSON" if column == "domains" else kind]
                    if nullable or value is not None
                ]
                rows = [
                    row
                    for (row,) in connection.execute(
                        f'SELECT rowid FROM raw."{table}" ORDER BY rowid'
                    ).fetchall()
                ]
                # most rows stay as they are
                taken = chosen.sample(rows, min(len(values), max(1, len(rows) // 3), len(rows)))
                for row, value in zip(taken, chosen.sample(values, len(values)), strict=False):
                    connection.execute(
                        f'UPDATE raw."{table}" SET "{column}" = ? WHERE rowid = ?', [value, row]
                    )
                    changed += 1
    return changed
