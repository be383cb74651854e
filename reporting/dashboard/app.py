"""The pages and what opens them: one snapshot of the published file for everything that a page shows."""

from __future__ import annotations

from pathlib import Path

import duckdb
import streamlit as st

from reporting.dashboard import links, serving

_VIEWS = Path(__file__).parent / "views"
_LOOK_SECONDS = 30
_PAGES = {
    "": [
        ("overview", "Overview", ":material/home:"),
        ("bridge", "Why they differ", ":material/stairs:"),
        ("fixes", "What to fix", ":material/build:"),
    ],
    "Behind it": [
        ("reports", "Attribution reports", ":material/compare_arrows:"),
        ("leads", "Lead ads", ":material/sync:"),
        ("tracking", "Tracking and pages", ":material/travel_explore:"),
        ("restatements", "Figures that changed", ":material/history:"),
        ("contact", "One contact", ":material/person:"),
    ],
}


def _page(name: str, title: str, icon: str) -> st.Page:
    return st.Page(_VIEWS / f"{name}.py", title=title, icon=icon, url_path=name, default=name == "overview")


@st.fragment(run_every=_LOOK_SECONDS)
def _follow(opened: serving.Identity) -> None:
    """Shows the new figures when others are published while a page is open."""
    try:
        newest = serving.identify(Path(opened.path))
    except serving.NotPublished:
        newest = None
    if newest != opened:
        st.rerun()


def main() -> None:
    """Runs the page that the address names."""
    st.set_page_config(page_title="adledger", page_icon="📒", layout="wide", initial_sidebar_state="auto")
    page = st.navigation(
        {title: [_page(*one) for one in pages] for title, pages in _PAGES.items()}, expanded=True
    )
    links.follow(page.url_path)
    try:
        snapshot = serving.published().snapshot()
    except serving.NotPublished as error:
        st.title("Nothing to show yet", anchor=False)
        st.error(f"{error}: run `adledger refresh`, or `adledger demo` for a simulated company.")
        return
    serving.show(snapshot)
    # before the page, which may end early
    _follow(snapshot.identity)
    try:
        page.run()
    except (duckdb.CatalogException, duckdb.BinderException):
        st.error("An older version published these figures: run `adledger refresh`.")


main()
