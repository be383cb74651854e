"""Filters that live in the address: a pasted link shows the same view, and a page keeps those of the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import streamlit as st

from reporting.dashboard import queries
from reporting.dashboard.serving import Snapshot
from reporting.explain.journey import REPORTS
from reporting.explain.scope import NETWORKS, Scope, resolve

#: Filters that a page takes over from the page before.
SHARED = ("network", "account", "campaign", "start", "end", "report")
#: What makes no sense without the filter before it.
_BELOW = {"network": ("account", "campaign"), "account": ("campaign",)}
_PAGE, _KEPT, _REFUSED = "page", "filters", "refused"


def follow(page: str) -> None:
    """Takes over the filters when another page is opened by its name, whose address holds none."""
    before = st.session_state.get(_PAGE)
    if before not in (None, page) and not st.query_params.to_dict():
        st.query_params.update(st.session_state.get(_KEPT, {}))
    st.session_state[_PAGE] = page
    st.session_state[_REFUSED] = []


def refused() -> list[str]:
    """What the address asked for in vain."""
    return list(st.session_state[_REFUSED])


def put(**values: str | None) -> None:
    """Writes filters into the address; None takes one out, and what hangs on a changed one goes with it."""
    for name, value in values.items():
        if value == st.query_params.get(name):
            continue
        for gone in (name, *_BELOW.get(name, ())):
            st.query_params.pop(gone, None)
        if value is not None:
            st.query_params[name] = value


def choose(
    name: str,
    label: str,
    options: Mapping[str, str],
    *,
    everything: str | None = None,
    default: str | None = None,
) -> str | None:
    """The option that the address names, in a box to choose from; None where `everything` is chosen."""
    known = [*([""] if everything else []), *options]
    if not known:
        st.query_params.pop(name, None)
        return None
    usual = default if default is not None and default in options else known[0]
    asked = st.query_params.get(name, usual)
    if asked not in known:
        _refuse(name, label, asked)
        asked = usual
    key = f"choose_{name}"
    st.session_state[key] = asked
    st.selectbox(
        label,
        known,
        format_func=lambda value: options.get(value, everything or value),
        key=key,
        on_change=_changed,
        args=(name, key, lambda value: None if value == usual else str(value)),
    )
    return asked or None


def day(name: str, label: str, first: date | None, last: date | None, usual: date | None) -> date | None:
    """The day that the address names, beside a calendar; None where it is the usual one."""
    text, asked = st.query_params.get(name), usual
    if text is not None:
        try:
            asked = date.fromisoformat(text)
        except ValueError:
            _refuse(name, label, text)
        else:
            if first and last and not first <= asked <= last:
                _refuse(name, label, text)
                asked = usual
    if first is None or last is None:
        return None
    key = f"choose_{name}"
    st.session_state[key] = asked
    st.date_input(
        label,
        min_value=first,
        max_value=last,
        key=key,
        format="YYYY-MM-DD",
        on_change=_changed,
        args=(name, key, lambda value: None if value in (None, usual) else value.isoformat()),
    )
    return None if asked == usual else asked


def text(name: str, label: str, **options: Any) -> str | None:
    """What the address says, in a field to type into."""
    key = f"choose_{name}"
    st.session_state[key] = st.query_params.get(name, "")
    st.text_input(
        label, key=key, on_change=_changed, args=(name, key, lambda value: value.strip() or None), **options
    )
    return st.query_params.get(name)


def filters(snapshot: Snapshot, *, days: bool = True, report: bool = True, ads: bool = True) -> Scope:
    """The filters of a page beside it, from the address; the report is always the one to show."""
    campaigns = snapshot.rows(queries.choices())
    with snapshot.connection() as connection:
        default = resolve(connection, Scope()).report
    network = account = campaign = start = end = None
    chosen = default
    with st.sidebar:
        st.markdown("**Filters**")
        if ads:
            names = {row["network"]: NETWORKS.get(row["network"], row["network"]) for row in campaigns}
            network = choose("network", "Network", names, everything="All networks")
            campaigns = [row for row in campaigns if network in (None, row["network"])]
            accounts = {row["account_id"]: row["account_name"] or row["account_id"] for row in campaigns}
            account = choose("account", "Account", accounts, everything="All accounts")
            campaigns = [row for row in campaigns if account in (None, row["account_id"])]
            campaign = choose(
                "campaign",
                "Campaign",
                {row["campaign_id"]: row["campaign_name"] or row["campaign_id"] for row in campaigns},
                everything="All campaigns",
            )
        if days:
            span = snapshot.rows(queries.span())[0]
            start = day("start", "From", span["first"], span["last"], span["first"])
            end = day("end", "To", span["first"], span["last"], span["last"])
            if start and end and end < start:
                _refuse("end", "To", end.isoformat())
                end = None
        if report:
            published = {row["report"] for row in snapshot.rows(queries.reports())}
            offered = {name: report_name(name) for name in REPORTS if name in published}
            chosen = choose("report", "Attribution report", offered, default=default) or default
            st.caption(f"Credits {REPORTS[chosen]}." if chosen in REPORTS else "")
    # a page without a filter leaves it to the next
    asked = {"start": days, "end": days, "report": report}
    untouched = {name for name in SHARED if not asked.get(name, ads)}
    st.session_state[_KEPT] = {
        **{name: value for name, value in st.session_state.get(_KEPT, {}).items() if name in untouched},
        **{name: value for name, value in st.query_params.to_dict().items() if name in SHARED},
    }
    return Scope(network, account, campaign, start=start, end=end, report=chosen)


def report_name(report: str) -> str:
    """A report as people call it."""
    return report.replace("_", " ").capitalize()


def _changed(name: str, key: str, written: Callable[[Any], str | None]) -> None:
    put(**{name: written(st.session_state[key])})


def _refuse(name: str, label: str, asked: str) -> None:
    st.session_state[_REFUSED].append(
        f"{label} “{asked}” of this link is not in these figures: shown without it."
    )
    st.query_params.pop(name, None)
