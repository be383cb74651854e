"""Which ads HubSpot cannot credit, and what the pages behind them look like."""

from __future__ import annotations

import streamlit as st

from reporting.dashboard import links, queries, show
from reporting.dashboard.serving import shown
from reporting.dashboard.show import CREDITED, TRACKING_ISSUES, UNEXPLAINED
from reporting.explain.masking import Mask

_CODE = {True: "Yes", False: "No", None: "Not known"}

snapshot = shown()
mask = Mask()
scope = links.filters(snapshot, days=False, report=False)
show.head("Can HubSpot see the clicks?", snapshot, scope, days=False, report=False)

st.header("Ads", anchor=False)
counted = snapshot.rows(queries.issues(scope))
ads = {issue: sum(row["ads"] for row in counted if row["issue_code"] == issue) for issue in TRACKING_ISSUES}
wrong = {issue: count for issue, count in ads.items() if count and issue != "none"}
if counted:
    most = max(wrong, key=lambda issue: wrong[issue], default=None)
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
            names={CREDITED: "Healthy", UNEXPLAINED: "To look at"},
        ),
        f"{show.many(ads['none'], 'ad')} without a problem."
        + (
            f" Most often: **{show.inside(TRACKING_ISSUES[most])}** ({show.many(wrong[most], 'ad')})."
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
    {"issue": ("What was seen", "text"), "name": ("Network", "text"), "ads": ("Ads", "count")},
    "tracking",
    "Ads per network and problem.",
)

st.header("Ads to look at", anchor=False)
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
        "issue": ("What is wrong", "text"),
        "ad": ("Ad", "text"),
        "landing_page_url": ("Page", "text"),
        "detail": ("What was seen and what to do", "long"),
    },
    "ads-to-look-at",
    "The ads HubSpot cannot credit, with what to do.",
    by="problem",
)

st.header("Landing pages", anchor=False)
tags = {
    row["tag"]: f"{row['tag']} ({show.many(row['pages'], 'page')})" for row in snapshot.rows(queries.tags())
}
tag = links.choose("tag", "Tag", tags, everything="All pages")
found = snapshot.rows(queries.pages(scope, tag))
without = sum(row["has_tracking_code"] is False for row in found)
if found:
    st.markdown(
        f"{show.many(without, 'page')} of {show.number(len(found))} certainly without the HubSpot tracking"
        " code. Choose a row to see how the page changed."
    )
show.table(
    [
        {
            **row,
            "code": _CODE[row["has_tracking_code"]],
            "detected_by": row["detected_by"].replace("_", " "),
            "said": row["detail"] or row["error"],
            "url": mask.url(row["landing_page_url"]),
        }
        for row in found
    ],
    {
        "url": ("Page", "text"),
        "code": ("HubSpot tracking code", "text"),
        "detected_by": ("Detected by", "text"),
        "http_status": ("Answer", "text"),
        "forms": ("Forms", "count"),
        "tags": ("Tags", "text"),
        "fetched_at": ("Looked at (UTC)", "instant"),
        "said": ("Why it could not be read", "text"),
    },
    "pages",
    "The pages behind the ads as last seen. Choose a row to see how the page changed.",
    by="page",
    pick=lambda place: {"page": found[place]["landing_page_url"]},
)
page = links.choose(
    "page",
    "A page over time",
    {row["landing_page_url"]: str(mask.url(row["landing_page_url"])) for row in found},
    everything="Choose a page",
)
if page is not None:
    st.subheader("How the page changed", anchor=False)
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
            "fetched_at": ("Looked at (UTC)", "instant"),
            "code": ("HubSpot tracking code", "text"),
            "http_status": ("Answer", "text"),
            "changed": ("Changed since the look before", "text"),
            "final_url": ("Where it leads", "text"),
            "detail": ("Why it could not be read", "text"),
        },
        "page-history",
        "Every look at the page, the latest first.",
    )
