"""Filters, stored in the URL so that links can be shared, and carried over from page to page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import streamlit as st

from reporting.dashboard import queries
from reporting.dashboard.serving import Snapshot
from reporting.explain.journey import REPORTS
from reporting.explain.scope import Scope, resolve
from reporting.networks import NETWORKS

#: Filters that are carried over to the next page.
SHARED = ("network", "account", "campaign", "start", "end", "report")
#: Filters to reset when the filter before them changes.
_DEPENDENT = {"network": ("account", "campaign"), "account": ("campaign",)}
_PAGE, _KEPT, _IGNORED = "page", "filters", "ignored"


def carry_over_filters(page: str) -> None:
    """Restores the filters of the previous page when a page is opened from the menu, without parameters."""
    before = st.session_state.get(_PAGE)
    if before not in (None, page) and not st.query_params.to_dict():
        st.query_params.update(st.session_state.get(_KEPT, {}))
    st.session_state[_PAGE] = page
    st.session_state[_IGNORED] = []


def ignored_filters() -> list[tuple[str, str]]:
    """Labels and values of URL parameters that are not in the published figures; anybody can write a link."""
    return list(st.session_state[_IGNORED])


def set_filters(**values: str | None) -> None:
    """Writes filters to the URL; None removes one. A change also removes the filters that depend on it."""
    for name, value in values.items():
        if value == st.query_params.get(name):
            continue
        for removed in (name, *_DEPENDENT.get(name, ())):
            st.query_params.pop(removed, None)
        if value is not None:
            st.query_params[name] = value


def select_option(
    name: str,
    label: str,
    options: Mapping[str, str],
    *,
    everything: str | None = None,
    default: str | None = None,
) -> str | None:
    """Shows a select box and returns the option from the URL; None if `everything` is selected."""
    known = [*([""] if everything else []), *options]
    if not known:
        st.query_params.pop(name, None)
        return None
    usual = default if default is not None and default in options else known[0]
    selected = st.query_params.get(name, usual)
    if selected not in known:
        _ignore(name, label, selected)
        selected = usual
    key = f"choose_{name}"
    st.session_state[key] = selected
    st.selectbox(
        label,
        known,
        format_func=lambda value: options.get(value, everything or value),
        key=key,
        on_change=_changed,
        args=(name, key, lambda value: None if value == usual else str(value)),
    )
    return selected or None


def select_day(
    name: str, label: str, first: date | None, last: date | None, usual: date | None
) -> date | None:
    """Shows a calendar and returns the day from the URL; None if it is the default."""
    text, selected = st.query_params.get(name), usual
    if text is not None:
        try:
            selected = date.fromisoformat(text)
        except ValueError:
            _ignore(name, label, text)
        else:
            if first and last and not first <= selected <= last:
                _ignore(name, label, text)
                selected = usual
    if first is None or last is None:
        return None
    key = f"choose_{name}"
    st.session_state[key] = selected
    st.date_input(
        label,
        min_value=first,
        max_value=last,
        key=key,
        format="YYYY-MM-DD",
        on_change=_changed,
        args=(name, key, lambda value: None if value in (None, usual) else value.isoformat()),
    )
    return None if selected == usual else selected


def text_input(name: str, label: str, **options: Any) -> str | None:
    """Shows a text field and returns its value from the URL."""
    key = f"choose_{name}"
    st.session_state[key] = st.query_params.get(name, "")
    st.text_input(
        label, key=key, on_change=_changed, args=(name, key, lambda value: value.strip() or None), **options
    )
    return st.query_params.get(name)


def filters(snapshot: Snapshot, *, days: bool = True, report: bool = True, ads: bool = True) -> Scope:
    """Shows the filters in the sidebar and returns them. The report is never None."""
    campaigns = snapshot.rows(queries.choices())
    with snapshot.connection() as connection:
        default = resolve(connection, Scope()).report
    network = account = campaign = start = end = None
    selected_report = default
    with st.sidebar:
        st.markdown("**Filters**")
        if ads:
            names = {row["network"]: NETWORKS.get(row["network"], row["network"]) for row in campaigns}
            network = select_option("network", "Network", names, everything="All networks")
            campaigns = [row for row in campaigns if network in (None, row["network"])]
            accounts = {row["account_id"]: row["account_name"] or row["account_id"] for row in campaigns}
            account = select_option("account", "Account", accounts, everything="All accounts")
            campaigns = [row for row in campaigns if account in (None, row["account_id"])]
            campaign = select_option(
                "campaign",
                "Campaign",
                {row["campaign_id"]: row["campaign_name"] or row["campaign_id"] for row in campaigns},
                everything="All campaigns",
            )
        if days:
            span = snapshot.rows(queries.span())[0]
            start = select_day("start", "From", span["first"], span["last"], span["first"])
            end = select_day("end", "To", span["first"], span["last"], span["last"])
            if start and end and end < start:
                _ignore("end", "To", end.isoformat())
                end = None
        if report:
            published = {row["report"] for row in snapshot.rows(queries.reports())}
            offered = {name: report_name(name) for name in REPORTS if name in published}
            selected_report = (
                select_option("report", "Attribution report", offered, default=default) or default
            )
            st.caption(f"Credits {REPORTS[selected_report]}." if selected_report in REPORTS else "")
    # keep filters that this page does not show for the next page
    is_shown = {"start": days, "end": days, "report": report}
    hidden = {name for name in SHARED if not is_shown.get(name, ads)}
    st.session_state[_KEPT] = {
        **{name: value for name, value in st.session_state.get(_KEPT, {}).items() if name in hidden},
        **{name: value for name, value in st.query_params.to_dict().items() if name in SHARED},
    }
    return Scope(network, account, campaign, start=start, end=end, report=selected_report)


def report_name(report: str) -> str:
    """Label of an attribution report."""
    return report.replace("_", " ").capitalize()


def _changed(name: str, key: str, to_parameter: Callable[[Any], str | None]) -> None:
    set_filters(**{name: to_parameter(st.session_state[key])})


def _ignore(name: str, label: str, value: str) -> None:
    st.session_state[_IGNORED].append((label, value))
    st.query_params.pop(name, None)
