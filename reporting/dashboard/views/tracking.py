"""Page: ads that HubSpot cannot credit, and the state of their landing pages."""

from __future__ import annotations

import streamlit as st

from reporting.dashboard import links, queries, show
from reporting.dashboard.serving import current_snapshot
from reporting.dashboard.show import CREDITED, TRACKING_ISSUES, UNEXPLAINED
from reporting.explain.masking import Mask

_CODE = {True: "Yes", False: "No", None: "Unknown"}

snapshot = current_snapshot()
mask = Mask()
scope = links.filters(snapshot, days=False, report=False)
show.page_header("Tracking health", snapshot, scope, days=False, report=False)

st.header("Ads", anchor=False)
counted = snapshot.rows(queries.issues(scope))
ads = {issue: sum(row["ads"] for row in counted if row["issue_code"] == issue) for issue in TRACKING_ISSUES}
with_issue = {issue: count for issue, count in ads.items() if count and issue != "none"}
if counted:
    checked = snapshot.rows(queries.checked_ads(scope))[0]["ads"]
    most = max(with_issue, key=lambda issue: with_issue[issue], default=None)
    show.chart(
        show.bars(
            [
                {
                    "label": TRACKING_ISSUES[issue],
                    "kind": CREDITED if issue == "none" else UNEXPLAINED,
                    "from": 0,
                    "to": ads[issue],
                    "figure": show.number(ads[issue]),
                }
                for issue in sorted(TRACKING_ISSUES, key=lambda issue: (issue != "none", -ads[issue]))
                if ads[issue]
            ],
            names={CREDITED: "No issue", UNEXPLAINED: "With an issue"},
        ),
        f"{show.number(ads['none'])} of {show.pluralize(checked, 'ad')} are fine."
        + (
            f" Most common issue: **{show.lower_first(TRACKING_ISSUES[most])}**"
            f" ({show.pluralize(with_issue[most], 'ad')})."
            if most
            else ""
        ),
    )
show.table(
    [
        {
            **row,
            "issue": TRACKING_ISSUES[row["issue_code"]],
            "name": show.network_name(row["network"]),
        }
        for row in counted
    ],
    {"issue": ("Issue", "text"), "name": ("Network", "text"), "ads": ("Ads", "count")},
    "tracking",
    "Ads per network and issue.",
)

st.header("Ads with issues", anchor=False)
show.table(
    [
        {
            **row,
            "issue": TRACKING_ISSUES[row["issue_code"]],
            "ad": f"{show.network_name(row['network'])}: {row['campaign_name'] or row['campaign_id']}"
            f" › {row['ad_name'] or row['ad_id']}",
            "landing_page_url": mask.url(row["landing_page_url"]),
        }
        for row in snapshot.rows(queries.ads_with_issues(scope))
    ],
    {
        "issue": ("Issue", "text"),
        "ad": ("Ad", "text"),
        "landing_page_url": ("Landing page", "text"),
        "detail": ("Finding and recommendation", "long"),
    },
    "ads-with-issues",
    "Ads that HubSpot cannot credit, with a recommendation.",
    by="issue",
)

st.header("Landing pages", anchor=False)
tags = {
    row["tag"]: f"{row['tag']} ({show.pluralize(row['pages'], 'page')})"
    for row in snapshot.rows(queries.tags())
}
tag = links.select_option("tag", "Tag", tags, everything="All pages")
found = snapshot.rows(queries.pages(scope, tag))
without = sum(row["has_tracking_code"] is False for row in found)
if found:
    st.markdown(
        f"{show.number(without)} of {show.pluralize(len(found), 'page')} have no HubSpot tracking code."
        " Select a row to see the history of a page."
    )
show.table(
    [
        {
            **row,
            "code": _CODE[row["has_tracking_code"]],
            "detected_by": row["detected_by"].replace("_", " "),
            "error": row["detail"] or row["error"],
            "url": mask.url(row["landing_page_url"]),
        }
        for row in found
    ],
    {
        "url": ("Page", "text"),
        "code": ("HubSpot tracking code", "text"),
        "detected_by": ("Detected by", "text"),
        "http_status": ("HTTP status", "text"),
        "forms": ("Forms", "count"),
        "tags": ("Tags", "text"),
        "fetched_at": ("Fetched (UTC)", "instant"),
        "error": ("Error", "text"),
    },
    "pages",
    "The latest state of the landing pages. Select a row to see the history of a page.",
    by="page",
    pick=lambda place: {"page": found[place]["landing_page_url"]},
)
page = links.select_option(
    "page",
    "Page history",
    {row["landing_page_url"]: str(mask.url(row["landing_page_url"])) for row in found},
    everything="Select a page",
)
if page is not None:
    st.subheader("Page history", anchor=False)
    show.table(
        [
            {
                **row,
                "code": _CODE[row["has_tracking_code"]],
                "changed": "Yes" if row["is_changed"] else "No",
                "final_url": mask.url(row["final_url"]),
            }
            for row in snapshot.rows(queries.page_history(page))
        ],
        {
            "fetched_at": ("Fetched (UTC)", "instant"),
            "code": ("HubSpot tracking code", "text"),
            "http_status": ("HTTP status", "text"),
            "changed": ("Changed since the previous fetch", "text"),
            "final_url": ("Final URL", "text"),
            "detail": ("Error", "text"),
        },
        "page-history",
        "All snapshots of the page, latest first.",
    )
