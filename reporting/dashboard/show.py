"""Building blocks of the pages: headers, charts and tables, each with a text description."""

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
from reporting.explain.bridge import read_faults, read_sources
from reporting.explain.claims import format_time
from reporting.explain.scope import Scope
from reporting.networks import NETWORKS, SOURCES
from reporting.text import one_line, printable

#: Contrast of at least 3:1 on both themes. Text and position carry the same information as the colour.
REPORTED, EXPLAINED, UNEXPLAINED, CREDITED = "Reported", "Explained", "Unexplained", "In HubSpot"
COLOURS = {REPORTED: "#6f7b8a", EXPLAINED: "#2a9187", UNEXPLAINED: "#c9700a", CREDITED: "#3a7fd0"}
#: Label of each issue code of tracking_health.
TRACKING_ISSUES = {
    "none": "No issue",
    "no_tracking_code": "HubSpot tracking code missing on landing page",
    "tracking_code_other_portal": "Tracking code of another HubSpot portal",
    "page_unreachable": "Landing page not reachable",
    "redirect_drops_parameters": "Redirect drops tracking parameters",
    "auto_tracking_parameters_missing": "HubSpot tracking parameters missing",
    "auto_tracking_parameters_wrong_level": "Tracking parameters of another ad",
    "no_hubspot_form": "No HubSpot form on landing page",
    "ad_type_untrackable": "Ad type not supported by HubSpot tracking",
}
#: Label and chart colour of each status of lead_sync, from good to bad.
LEAD_STATUSES = {
    "synced": ("Synced to HubSpot", CREDITED),
    "merged_into_existing": ("Merged into an existing contact", CREDITED),
    "pending": ("Sync pending", REPORTED),
    "no_ad": ("Not from an ad", REPORTED),
    "test_lead": ("Test leads", REPORTED),
    "missing": ("Not synced to HubSpot", UNEXPLAINED),
    "retention_passed": ("Not synced to HubSpot, no longer stored by the network", UNEXPLAINED),
}
#: Colours and dashes of lines, one per network.
_LINES = ["#6f7b8a", "#3a7fd0", "#c9700a"]
_DASHES = [[1, 0], [6, 3], [2, 2]]
# pixels per bar with its label, and between groups of bars
_ROW, _GAP = 42, 14
# pixels per table row with long text, and the number of such rows that are visible at once
_TALL_ROW, _VISIBLE_TALL_ROWS = 134, 5
_URL = re.compile(r"(https?://[^\s;`]+)", re.IGNORECASE)
# what begins or contains a link; a joiner after it breaks the link
_AUTOLINK = re.compile(r"https?:(?=/)|www(?=\.)|(?:mailto|xmpp):|(?=@)", re.IGNORECASE)
_JOINER = "\u2060"
_BREAKS = re.compile(r"\s+")
# where a spreadsheet would read a formula: at the start of a cell or, if its list separator is a semicolon,
# behind one; also full-width signs (https://owasp.org/www-community/attacks/CSV_Injection)
_SIGNS = "=+\\-@＝＋－＠\\t\\r\\n"
_FORMULA = re.compile(rf"^(?=[\s\u200b-\u200f\u2060\ufeff]*[{_SIGNS}])|(?<=[;\t\n\r])(?=[{_SIGNS}])")
# of a value from a link, in characters
_LONGEST_VALUE = 80
# axis labels that fit on a phone
_TICKS = 6


def page_header(
    title: str, snapshot: Snapshot, scope: Scope | None, *, days: bool = True, report: bool = True
) -> None:
    """Shows the title, the time of the figures, stale sources and the active filters."""
    st.title(title, anchor=False)
    with snapshot.connection() as connection:
        sources, faults = read_sources(connection), read_faults(connection)
    instants = [source.as_of for source in sources if source.as_of]
    st.caption(f"Figures as of {format_time(max(instants))}." if instants else "No data loaded yet.")
    for source in sources:
        name = SOURCES.get(source.source, source.source)
        if source.is_stale:
            since = f": as of {format_time(source.as_of)}" if source.as_of else ""
            st.warning(
                f"{name} could not be read in the last refresh. Its figures are older{since}.", icon="⚠️"
            )
    for fault in faults:
        if fault.kind == "account":
            st.warning(f"Older figures: {escape_markdown(fault.line())}", icon="⚠️")
    if scope is not None:
        st.markdown(f"**Showing** {_filter_text(snapshot, scope, days=days, report=report)}")
    for label, value in links.ignored_filters():
        st.info(
            f"{label} “{escape_markdown(one_line(value, _LONGEST_VALUE))}” from this link is not in the"
            " published figures. This filter is ignored."
        )


def _filter_text(snapshot: Snapshot, scope: Scope, *, days: bool, report: bool) -> str:
    rows = snapshot.rows(queries.choices())
    account = next((row["account_name"] for row in rows if row["account_id"] == scope.account), scope.account)
    campaign = next(
        (row["campaign_name"] for row in rows if row["campaign_id"] == scope.campaign), scope.campaign
    )
    parts = [network_name(scope.network) if scope.network else "all networks"]
    parts += [escape_markdown(name) for name in (account, campaign) if name]
    if days:
        span = snapshot.rows(queries.span())[0]
        first, last = scope.start or span["first"], scope.end or span["last"]
        if first and last:
            parts.append(f"{first} to {last}" if first != last else f"{first}")
    if report and scope.report:
        parts.append(f"report “{links.report_name(scope.report)}”")
    return " · ".join(parts)


def network_name(network: str | None) -> str:
    """Name of a network."""
    return NETWORKS.get(network or "", network or "")


def with_names(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Adds the network's name to each campaign row, and the id as the name of a nameless campaign."""
    return [
        {
            **row,
            "name": network_name(row["network"]),
            "campaign_name": row["campaign_name"] or row["campaign_id"],
        }
        for row in rows
    ]


def escape_markdown(text: str) -> str:
    """Escapes text from other systems, so that it is not rendered as Markdown.

    URLs and e-mail addresses become links even if escaped (https://github.github.com/gfm/#autolinks-extension-);
    an invisible word joiner prevents that.
    """
    text = _AUTOLINK.sub(rf"\g<0>{_JOINER}", _BREAKS.sub(" ", printable(text)))
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()<>#+-.!|~$:&=^" else sign for sign in text)


def number(value: Decimal | int | None, digits: int | None = None) -> str:
    """Formats a figure for a sentence; a dash if it is unknown."""
    if value is None:
        return "–"
    decimal = Decimal(value)
    return figures.short_number(decimal) if digits is None else figures.number(decimal, digits)


def money(value: Decimal | float | None, currency: str | None) -> str:
    """Formats an amount in the home currency; a dash if it is unknown."""
    if value is None:
        return "–"
    return f"{figures.number(Decimal(str(value)), 2)} {currency or ''}".strip()


def share(part: Decimal, whole: Decimal) -> str:
    """Formats `part` as a percentage of `whole`; a dash if `whole` is zero."""
    return f"{figures.number(part / whole * 100, 0)}%" if whole else "–"


def lower_first(text: str) -> str:
    """Lowers the first letter of a label for use within a sentence; names keep their capitals."""
    first = text.partition(" ")[0]
    return text if first[1:] != first[1:].lower() else text[:1].lower() + text[1:]


def pluralize(count: Decimal | int, noun: str) -> str:
    """Formats a count with its noun in the singular or the plural."""
    return f"{number(count)} {noun if count == 1 else f'{noun}s'}"


def chart(drawn: alt.LayerChart, description: str) -> None:
    """Shows a chart below its description, which is also its alternative text."""
    st.markdown(description)
    alternative = re.sub(r"\\(.)", r"\1", description.replace("**", "").replace(_JOINER, ""))
    st.altair_chart(drawn, width="stretch", alt=alternative)


def table(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, tuple[str, str]],
    name: str,
    description: str,
    *,
    by: str = "",
    pick: Callable[[int], Mapping[str, str | None]] | None = None,
    select: bool = False,
) -> int | None:
    """Shows a table with a CSV download; returns the index of the selected row.

    `columns` maps a key to its label and kind: text, long, count, units, money, share, day or instant. `by`
    describes the sort order. `pick` returns the filters to set when a row is selected; `select` only allows
    the selection.
    """
    if not rows:
        st.info("No data for these filters.")
        return None
    chosen = None
    if pick is None and not select and any(kind == "long" for _, kind in columns.values()):
        # an HTML table shows text in several lines
        st.table(
            {label: [_cell_markdown(row[key]) for row in rows] for key, (label, _) in columns.items()},
            border="horizontal",
            hide_index=True,
            alt=description,
        )
    else:
        chosen = _grid(rows, columns, name, description, pick, is_selectable=select or pick is not None)
    found = rows[0].get("found", len(rows))
    if found > len(rows):
        first = f"The first {number(len(rows))} of {number(found)}{f' by {by}' if by else ''}"
        st.caption(f"{first}. Use the filters to see others.")
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
    description: str,
    pick: Callable[[int], Mapping[str, str | None]] | None,
    *,
    is_selectable: bool,
) -> int | None:
    """Shows a table that can be sorted and searched; returns the index of the selected row."""
    values = {label: _column([row[key] for row in rows], kind) for key, (label, kind) in columns.items()}
    options: dict[str, Any] = {
        "column_config": {
            label: _config(kind, [row[key] for row in rows]) for key, (label, kind) in columns.items()
        },
        "hide_index": True,
        "alt": description,
        "placeholder": "–",
    }
    if any(kind == "long" for _, kind in columns.values()):
        options |= {"row_height": _TALL_ROW, "height": 40 + _TALL_ROW * min(len(rows), _VISIBLE_TALL_ROWS)}
    if not is_selectable:
        st.dataframe(pa.table(values), **options)
        return None
    key = f"pick_{name}"

    def picked() -> None:
        if pick is not None and (selected := st.session_state[key]["selection"]["rows"]):
            links.set_filters(**pick(selected[0]))

    state = st.dataframe(pa.table(values), **options, key=key, on_select=picked, selection_mode="single-row")
    return next((place for place in state["selection"]["rows"] if place < len(rows)), None)


def _cell_markdown(value: Any) -> str:
    if value is None:
        return "–"
    text = f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
    # a URL is not linked: its parameter values may be masked
    return "".join(
        f"`{part}`" if place % 2 else escape_markdown(part) for place, part in enumerate(_URL.split(text))
    )


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, tuple[str, str]]) -> bytes:
    """Writes the rows as CSV with all digits; text that looks like a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_cell(label) for label, _ in columns.values()])
    for row in rows:
        writer.writerow([_cell(row[key]) for key in columns])
    return out.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return _FORMULA.sub("'", printable(value)) if isinstance(value, str) else value


def _column(values: Sequence[Any], kind: str) -> pa.Array:
    """Converts values to an Arrow column of the kind's type."""
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
    """Colour of text in a chart."""
    return "#f0f2f5" if st.context.theme.type == "dark" else "#10151c"


def bars(rows: Sequence[Mapping[str, Any]], *, names: Mapping[str, str] | None = None) -> alt.LayerChart:
    """Horizontal bars with the label above and the figure on the right, readable on narrow screens.

    Keys of a row: `label`, `figure` (text), `from`, `to`, `kind`, and optionally `group`, which keeps bars
    together. `names` maps a kind to its name in the legend.
    """
    legend_names = names or {}
    colours = {
        legend_names.get(kind, kind): colour
        for kind, colour in COLOURS.items()
        if any(row["kind"] == kind for row in rows)
    }
    values: list[dict[str, Any]] = []
    top, group = 0, rows[0].get("group")
    for row in rows:
        top += _GAP if row.get("group") != group else 0
        group = row.get("group")
        spoken = f"{row['label']}: {row['figure']}"
        values.append(
            {**row, "kind": legend_names.get(row["kind"], row["kind"]), "top": top, "spoken": spoken}
        )
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
        tooltip=[alt.Tooltip("label:N", title="Label"), alt.Tooltip("figure:N", title="Value")],
        description=alt.Description("spoken:N"),
    )
    # screen readers read the bar's description, not this text
    text_style: dict[str, Any] = {"baseline": "top", "fontSize": 13, "color": _ink(), "aria": False}
    labels = base.mark_text(align="left", **text_style).encode(x=alt.value(0), text="label:N")
    values_text = base.mark_text(align="right", fontWeight="bold", **text_style).encode(
        x=alt.value("width"), text="figure:N"
    )
    return _layered(drawn, labels, values_text, height=top + _legend_pixels(len(colours)))


def _legend_pixels(entries: int) -> int:
    """Height of the legend and the margins of a chart."""
    return 24 if entries < 2 else 42 + 18 * math.ceil(entries / 2)


def lines(rows: Sequence[Mapping[str, Any]], *, x: str, title: str, kinds: Sequence[str]) -> alt.LayerChart:
    """Lines over `date` or `days_after`, with a dash per kind. Keys of a row: x, `value`, `kind`."""
    domain, points = list(kinds), sorted({row[x] for row in rows})
    ticks = points[:: math.ceil(len(points) / _TICKS)]
    # UTC keeps the day the same in every browser time zone
    over = (
        alt.X("date:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(format="%d %b", values=ticks))
        if x == "date"
        else alt.X(f"{x}:Q", title="Days after the reported day", axis=alt.Axis(values=ticks, format="d"))
    )
    legend = alt.Legend(title=None, orient="top", columns=2, symbolType="stroke", symbolSize=400)
    base = alt.Chart(_data([{**row, "at": str(row[x])} for row in rows])).encode(
        x=over,
        y=alt.Y("value:Q", title=title),
        color=alt.Color("kind:N", scale=alt.Scale(domain=domain, range=_LINES[: len(domain)]), legend=legend),
        tooltip=[
            alt.Tooltip("at:N", title="Day" if x == "date" else "Days after"),
            alt.Tooltip("kind:N", title="Series"),
            alt.Tooltip("value:Q", title="Value", format=",.2~f"),
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
