"""What every page is made of: its head, and charts and tables that say the same in words."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import altair as alt
import pyarrow as pa
import streamlit as st

from reporting.dashboard import links, queries
from reporting.dashboard.serving import Snapshot
from reporting.explain import figures
from reporting.explain.bridge import read_sources
from reporting.explain.claims import moment
from reporting.explain.scope import NETWORKS, Scope

SOURCES = {**NETWORKS, "hubspot": "HubSpot", "landing_pages": "Landing pages"}
#: Each at least 3:1 on white and on the dark background. Words, signs and positions say the same.
REPORTED, EXPLAINED, UNEXPLAINED, CREDITED = "Reported", "Explained", "Not explained", "In HubSpot"
COLOURS = {REPORTED: "#6f7b8a", EXPLAINED: "#2a9187", UNEXPLAINED: "#c9700a", CREDITED: "#3a7fd0"}
#: What is said of an issue code of tracking_health.
TRACKING_ISSUES = {
    "none": "Nothing wrong",
    "no_tracking_code": "The page lacks the HubSpot tracking code",
    "tracking_code_other_portal": "The page reports to another HubSpot portal",
    "page_unreachable": "The page cannot be reached",
    "redirect_drops_parameters": "A redirect loses the tracking parameters",
    "auto_tracking_parameters_missing": "Clicks arrive without tracking parameters",
    "auto_tracking_parameters_wrong_level": "The tracking parameters name another ad",
    "no_hubspot_form": "The page has no HubSpot form",
    "ad_type_untrackable": "HubSpot cannot track this type of ad",
}
#: Each status of lead_sync in plain words, and which side of the story it is on, from good to bad.
LEAD_STATUSES = {
    "synced": ("Reached HubSpot", CREDITED),
    "merged_into_existing": ("Went to a contact HubSpot already had", CREDITED),
    "pending": ("Still on the way", REPORTED),
    "no_ad": ("Came from no ad", REPORTED),
    "test_lead": ("Test leads", REPORTED),
    "missing": ("Never reached HubSpot", UNEXPLAINED),
    "retention_passed": ("Never reached HubSpot, and the network no longer keeps them", UNEXPLAINED),
}
#: One for each network.
_LINES = ["#6f7b8a", "#3a7fd0", "#c9700a"]
_DASHES = [[1, 0], [6, 3], [2, 2]]
# pixels of a bar with its label, and between groups of them
_ROW, _GAP = 42, 14
# pixels of a row of text in several lines, and how many of them are in sight
_TALL_ROW, _MOST_TALL = 134, 5
_ADDRESS = re.compile(r"(https?://[^\s;`]+)")
# labels of an axis that a phone has room for
_TICKS = 6


def head(
    title: str, snapshot: Snapshot, scope: Scope | None, *, days: bool = True, report: bool = True
) -> None:
    """The title, as of when the figures are, which of them are older, and what they are filtered by."""
    st.title(title, anchor=False)
    with snapshot.connection() as connection:
        sources = read_sources(connection)
    instants = [source.as_of for source in sources if source.as_of]
    st.caption(f"Figures as of {moment(max(instants))}." if instants else "Nothing was landed yet.")
    for source in sources:
        name = SOURCES.get(source.source, source.source)
        if source.is_stale:
            since = f" of {moment(source.as_of)}" if source.as_of else ""
            st.warning(
                f"{name} could not be read in the last refresh: its figures are those{since}.", icon="⚠️"
            )
    if scope is not None:
        st.markdown(f"**Showing** {_words(snapshot, scope, days=days, report=report)}")
    for said in links.refused():
        st.info(said)


def _words(snapshot: Snapshot, scope: Scope, *, days: bool, report: bool) -> str:
    rows = snapshot.rows(queries.choices())
    account = next((row["account_name"] for row in rows if row["account_id"] == scope.account), scope.account)
    campaign = next(
        (row["campaign_name"] for row in rows if row["campaign_id"] == scope.campaign), scope.campaign
    )
    said = [network_name(scope.network) if scope.network else "all networks"]
    said += [plain(name) for name in (account, campaign) if name]
    if days:
        span = snapshot.rows(queries.span())[0]
        first, last = scope.start or span["first"], scope.end or span["last"]
        if first and last:
            said.append(f"{first} to {last}" if first != last else f"{first}")
    if report and scope.report:
        said.append(f"report “{links.report_name(scope.report)}”")
    return " · ".join(said)


def network_name(network: str | None) -> str:
    """A network as people call it."""
    return NETWORKS.get(network or "", network or "")


def named(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of campaigns with the network's name; a campaign without a name goes by its id."""
    return [
        {
            **row,
            "name": network_name(row["network"]),
            "campaign_name": row["campaign_name"] or row["campaign_id"],
        }
        for row in rows
    ]


def plain(text: str) -> str:
    """Text that others wrote, so that Markdown takes none of it for itself."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()<>#+-.!|~$:" else sign for sign in text)


def number(value: Decimal | int | None, digits: int | None = None) -> str:
    """A figure for a sentence; a dash where it is unknown."""
    if value is None:
        return "–"
    decimal = Decimal(value)
    return figures.short_number(decimal) if digits is None else figures.number(decimal, digits)


def money(value: Decimal | float | None, currency: str | None) -> str:
    """An amount of the home currency for a sentence."""
    if value is None:
        return "–"
    return f"{figures.number(Decimal(str(value)), 2)} {currency or ''}".strip()


def share(part: Decimal, whole: Decimal) -> str:
    """Percent of a whole; a dash where there is none."""
    return f"{figures.number(part / whole * 100, 0)}%" if whole else "–"


def inside(text: str) -> str:
    """Text that begins a sentence, as it stands within one; a name keeps its capitals."""
    first = text.partition(" ")[0]
    return text if first[1:] != first[1:].lower() else text[:1].lower() + text[1:]


def many(count: Decimal | int, one: str, more: str | None = None) -> str:
    """A count and its noun."""
    return f"{number(count)} {one if count == 1 else more or f'{one}s'}"


def chart(drawn: alt.LayerChart, said: str) -> None:
    """A chart beneath the sentence that says what it shows; its toolbar saves it as a picture."""
    st.markdown(said)
    described = re.sub(r"\\(.)", r"\1", said.replace("**", ""))
    st.altair_chart(drawn, width="stretch", alt=described)


def table(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, tuple[str, str]],
    name: str,
    said: str,
    *,
    by: str = "",
    pick: Callable[[int], Mapping[str, str | None]] | None = None,
    select: bool = False,
) -> int | None:
    """A table and its CSV. `columns`: label and kind (text, long, count, units, money, share, day, instant).

    `by` tells by what the first rows are the first; `pick` gives the filters that choosing a row sets. With
    `select` a row can be chosen, too; its place is returned.
    """
    if not rows:
        st.info("Nothing of this is in the figures that are shown.")
        return None
    chosen = None
    if pick is None and not select and any(kind == "long" for _, kind in columns.values()):
        # HTML, as text in several lines has its place there
        st.table(
            {label: [_words_of(row[key]) for row in rows] for key, (label, _) in columns.items()},
            border="horizontal",
            hide_index=True,
            alt=said,
        )
    else:
        chosen = _grid(rows, columns, name, said, pick, is_selectable=select or pick is not None)
    found = rows[0].get("found", len(rows))
    if found > len(rows):
        first = f"The first {number(len(rows))} of {number(found)}{f' by {by}' if by else ''}"
        st.caption(f"{first}: filter to see others.")
    st.download_button(
        "Download as CSV",
        as_csv(rows, columns),
        f"{name}.csv",
        "text/csv",
        key=f"csv_{name}",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )
    return chosen


def _grid(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, tuple[str, str]],
    name: str,
    said: str,
    pick: Callable[[int], Mapping[str, str | None]] | None,
    *,
    is_selectable: bool,
) -> int | None:
    """A table to sort and search; the place of the row that was chosen."""
    values = {label: _column([row[key] for row in rows], kind) for key, (label, kind) in columns.items()}
    options: dict[str, Any] = {
        "column_config": {
            label: _config(kind, [row[key] for row in rows]) for key, (label, kind) in columns.items()
        },
        "hide_index": True,
        "alt": said,
        "placeholder": "–",
    }
    if any(kind == "long" for _, kind in columns.values()):
        options |= {"row_height": _TALL_ROW, "height": 40 + _TALL_ROW * min(len(rows), _MOST_TALL)}
    if not is_selectable:
        st.dataframe(pa.table(values), **options)
        return None
    key = f"pick_{name}"

    def picked() -> None:
        if pick is not None and (places := st.session_state[key]["selection"]["rows"]):
            links.put(**pick(places[0]))

    state = st.dataframe(pa.table(values), **options, key=key, on_select=picked, selection_mode="single-row")
    return next((place for place in state["selection"]["rows"] if place < len(rows)), None)


def _words_of(value: Any) -> str:
    if value is None:
        return "–"
    text = f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
    # an address is shown, not linked: it may lack the values of its parameters
    return "".join(
        f"`{part}`" if place % 2 else plain(part) for place, part in enumerate(_ADDRESS.split(text))
    )


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, tuple[str, str]]) -> bytes:
    """The rows with all digits; text that a spreadsheet would take for a formula is quoted."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([label for label, _ in columns.values()])
    for row in rows:
        writer.writerow([_cell(row[key]) for key in columns])
    return out.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value


def _column(values: Sequence[Any], kind: str) -> pa.Array:
    """Values as they are shown: rounded, and text where it is a list."""
    if kind in ("units", "money", "share"):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if kind == "count":
        return pa.array([None if value is None else int(value) for value in values], pa.int64())
    if kind == "day":
        return pa.array(values, pa.date32())
    if kind == "instant":
        return pa.array(values, pa.timestamp("us"))
    return pa.array([None if value is None else str(_cell_text(value)) for value in values], pa.string())


def _cell_text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _config(kind: str, values: Sequence[Any]) -> Any:
    if kind in ("units", "money"):
        whole = kind == "units" and all(value is None or value == int(value) for value in values)
        return st.column_config.NumberColumn(format="%,d" if whole else "%,.2f")
    if kind == "share":
        return st.column_config.NumberColumn(format="percent")
    if kind == "count":
        return st.column_config.NumberColumn(format="%,d")
    if kind == "day":
        return st.column_config.DateColumn(format="YYYY-MM-DD")
    if kind == "instant":
        return st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")
    return st.column_config.TextColumn(width="large" if kind == "long" else None)


def _ink() -> str:
    """The colour of text in a chart."""
    return "#f0f2f5" if st.context.theme.type == "dark" else "#10151c"


def bars(rows: Sequence[Mapping[str, Any]], *, names: Mapping[str, str] | None = None) -> alt.LayerChart:
    """Bars beneath their labels, figures in line at the right: readable however narrow the page is.

    Rows: `label`, `figure` (as text), `from`, `to`, `kind`, and `group`, where those of one stand together.
    The legend calls a kind by its name in `names`.
    """
    called = names or {}
    colours = {
        called.get(kind, kind): colour
        for kind, colour in COLOURS.items()
        if any(row["kind"] == kind for row in rows)
    }
    values: list[dict[str, Any]] = []
    top, group = 0, rows[0].get("group")
    for row in rows:
        top += _GAP if row.get("group") != group else 0
        group = row.get("group")
        spoken = f"{row['label']}: {row['figure']}"
        values.append({**row, "kind": called.get(row["kind"], row["kind"]), "top": top, "spoken": spoken})
        top += _ROW
    base = alt.Chart(_data(values)).encode(
        y=alt.Y("top:Q", axis=None, scale=alt.Scale(domain=[0, top], reverse=True, nice=False))
    )
    drawn = base.mark_bar(orient="horizontal", size=14, yOffset=25, cornerRadius=2).encode(
        x=alt.X("from:Q", axis=None, title=None),
        x2="to:Q",
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=list(colours), range=list(colours.values())),
            legend=alt.Legend(title=None, orient="top", columns=2) if len(colours) > 1 else None,
        ),
        tooltip=[alt.Tooltip("label:N", title="What"), alt.Tooltip("figure:N", title="How many")],
        description=alt.Description("spoken:N"),
    )
    # a bar speaks for its words
    words: dict[str, Any] = {"baseline": "top", "fontSize": 13, "color": _ink(), "aria": False}
    said = base.mark_text(align="left", **words).encode(x=alt.value(0), text="label:N")
    counted = base.mark_text(align="right", fontWeight="bold", **words).encode(
        x=alt.value("width"), text="figure:N"
    )
    return _layered(drawn, said, counted, height=top + _legend_pixels(len(colours)))


def _legend_pixels(entries: int) -> int:
    """What the legend and the margins take of a chart's height."""
    return 24 if entries < 2 else 42 + 18 * math.ceil(entries / 2)


def lines(rows: Sequence[Mapping[str, Any]], *, x: str, title: str, kinds: Sequence[str]) -> alt.LayerChart:
    """Lines over `date` or `days_after`, told apart by dashes, too. Rows: x, `value`, `kind`."""
    domain, points = list(kinds), sorted({row[x] for row in rows})
    ticks = points[:: math.ceil(len(points) / _TICKS)]
    # a day is the same day wherever the browser is
    over = (
        alt.X("date:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(format="%d %b", values=ticks))
        if x == "date"
        else alt.X(f"{x}:Q", title="Days after the day itself", axis=alt.Axis(values=ticks, format="d"))
    )
    legend = alt.Legend(title=None, orient="top", columns=2, symbolType="stroke", symbolSize=400)
    base = alt.Chart(_data([{**row, "at": str(row[x])} for row in rows])).encode(
        x=over,
        y=alt.Y("value:Q", title=title),
        color=alt.Color("kind:N", scale=alt.Scale(domain=domain, range=_LINES[: len(domain)]), legend=legend),
        tooltip=[
            alt.Tooltip("at:N", title="Day" if x == "date" else "Days after"),
            alt.Tooltip("kind:N", title="What"),
            alt.Tooltip("value:Q", title="How many", format=",.2~f"),
        ],
    )
    dashes = alt.StrokeDash(
        "kind:N", scale=alt.Scale(domain=domain, range=_DASHES[: len(domain)]), legend=legend
    )
    drawn = base.mark_line(strokeWidth=2).encode(strokeDash=dashes)
    return _layered(drawn, base.mark_circle(size=40), height=280)


def _data(rows: Sequence[Mapping[str, Any]]) -> Any:
    return {"values": [dict(row) for row in rows]}


def _layered(*charts: alt.Chart, height: int) -> alt.LayerChart:
    return alt.LayerChart(
        layer=list(charts), height=height, config=alt.Config(view=alt.ViewConfig(stroke=None))
    )
