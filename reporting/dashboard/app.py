"""Entry point of the dashboard: navigation, and one snapshot of the published file per page view."""

from __future__ import annotations

from pathlib import Path

import duckdb
import streamlit as st

from reporting.dashboard import links, serving, show

_VIEWS = Path(__file__).parent / "views"
_POLL_SECONDS = 30
_PAGES = {
    "": [
        ("overview", "Overview", ":material/home:"),
        ("bridge", "Why they differ", ":material/stairs:"),
        ("fixes", "What to fix", ":material/build:"),
    ],
    "Details": [
        ("reports", "Attribution reports", ":material/compare_arrows:"),
        ("leads", "Lead ads", ":material/sync:"),
        ("tracking", "Tracking and pages", ":material/travel_explore:"),
        ("restatements", "Restated figures", ":material/history:"),
        ("contact", "Contact journey", ":material/person:"),
    ],
}


def _page(name: str, title: str, icon: str) -> st.Page:
    return st.Page(_VIEWS / f"{name}.py", title=title, icon=icon, url_path=name, default=name == "overview")


@st.fragment(run_every=_POLL_SECONDS)
def _reload_when_published(opened: serving.Identity) -> None:
    """Reloads the page when a new file is published while it is open."""
    try:
        newest = serving.identify(Path(opened.path))
    except serving.NotPublished:
        newest = None
    if newest != opened:
        st.rerun()


def main() -> None:
    """Runs the page of the requested URL."""
    st.set_page_config(page_title="adledger", page_icon="📒", layout="wide", initial_sidebar_state="auto")
    page = st.navigation(
        {title: [_page(*one) for one in pages] for title, pages in _PAGES.items()}, expanded=True
    )
    links.carry_over_filters(page.url_path)
    try:
        snapshot = serving.published().snapshot()
    except serving.NotPublished as error:
        st.title("No data yet", anchor=False)
        st.error(
            f"{show.escape_markdown(str(error))}: run `adledger refresh`,"
            " or `adledger demo` for a simulated company."
        )
        return
    serving.set_snapshot(snapshot)
    # a page may end early with st.stop(), so this comes first
    _reload_when_published(snapshot.identity)
    try:
        page.run()
    except (duckdb.CatalogException, duckdb.BinderException):
        st.error("An older version published this file: run `adledger refresh`.")


main()
