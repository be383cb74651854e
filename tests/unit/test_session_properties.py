"""Sessions against an independent reading of the rule, over any activity a contact can leave."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tests.compiled import CompiledModels

START = datetime(2026, 10, 5, tzinfo=UTC)
# dbt_project.yml: within these a submission of an idle tab still belongs to the click (session_timeout)
HOURS = 4
SCHEMA = pa.schema(
    [
        ("contact_id", pa.string()),
        ("activity_id", pa.string()),
        ("activity_type", pa.string()),
        ("occurred_at", pa.timestamp("us", tz="UTC")),
        ("evidence_key", pa.string()),
        ("session_known_since", pa.timestamp("us", tz="UTC")),
    ]
)
activity = st.tuples(
    st.sampled_from(["ann", "bob"]),
    # gaps around the limit matter more than any others
    st.sampled_from([0, 1, 60, 1799, 1800, 1801, 4000]),
    st.sampled_from(["page_view", "page_view", "page_view", "submission"]),
    st.sampled_from([None, None, "ad|google_ads|1|2|3|4", "ad|google_ads|1|2|3|5", "referrer|bing.com"]),
    # how long before, by HubSpot, its session began
    st.sampled_from([None, None, 0, 1801, 4000, HOURS * 3600, HOURS * 3600 + 1]),
)
Step = tuple[str, int, str, str | None, int | None]


def history(steps: list[Step]) -> list[dict[str, Any]]:
    clock = {"ann": START, "bob": START}
    rows = []
    for number, (contact, gap, kind, key, known) in enumerate(steps):
        clock[contact] += timedelta(seconds=gap)
        rows.append(
            {
                "contact_id": contact,
                "activity_id": f"{number:04}",
                "activity_type": kind,
                "occurred_at": clock[contact],
                "evidence_key": key if kind == "page_view" else None,
                "session_known_since": None if known is None else clock[contact] - timedelta(seconds=known),
            }
        )
    return rows


def expected_sessions(rows: list[dict[str, Any]]) -> dict[str, int]:
    """The rule read aloud: walk a contact's activities; idle time or another source begins a session.

    Idle time is none where HubSpot says that the session began before the last activity, not too long ago.
    """
    numbers: dict[str, int] = {}
    state: dict[str, tuple[datetime, str | None, int]] = {}
    for row in sorted(rows, key=lambda r: (r["occurred_at"], r["activity_type"], r["activity_id"])):
        contact, key = row["contact_id"], row["evidence_key"]
        if contact not in state:
            state[contact] = (row["occurred_at"], key, 1)
        else:
            last, source, number = state[contact]
            since = row["session_known_since"]
            idle = row["occurred_at"] - last > timedelta(minutes=30)
            if since is not None and since <= last and row["occurred_at"] - since <= timedelta(hours=HOURS):
                idle = False
            if idle or key not in (None, source):
                state[contact] = (row["occurred_at"], key, number + 1)
            else:
                state[contact] = (row["occurred_at"], source, number)
        numbers[row["activity_id"]] = state[contact][2]
    return numbers


@given(st.lists(activity, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_sessions_follow_the_rule_in_any_order_of_arrival(
    compiled_models: CompiledModels,
    steps: list[Step],
    shuffler: random.Random,
) -> None:
    rows = history(steps)
    expected = expected_sessions(rows)
    shuffler.shuffle(rows)
    built = compiled_models.run(
        ["int_session_activities"], {"int_activities": pa.Table.from_pylist(rows, schema=SCHEMA)}
    )["int_session_activities"]
    assert {row["activity_id"]: row["session_number"] for row in built} == expected
    assert len({(r["contact_id"], r["session_number"]) for r in built}) == len(
        {r["session_id"] for r in built}
    )
