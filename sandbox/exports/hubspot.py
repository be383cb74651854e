"""HubSpot's exports: contacts, deals, a file per form, the campaigns of the ads tool.

Times are to the minute in the portal's zone, enumerations by their labels. No export has page views,
histories or lists, and none has contacts that are deleted, merged away or erased.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from sandbox.apis.hubspot import changes_of
from sandbox.apis.hubspot.forms import Forms
from sandbox.apis.hubspot.records import Record, Snapshot
from sandbox.apis.state import Sandbox, parse_instant
from sandbox.exports.files import Cell, Style, minute, write
from sandbox.truth.credits import Known, live_contacts
from sandbox.world.company import Network

REPORT = "first_form_submission"
_STYLE = Style(encoding="utf-8-sig")
_CONTACTS = {
    "Record ID": "hs_object_id",
    "Email": "email",
    "Additional email addresses": "hs_additional_emails",
    "Create Date": "createdate",
    "Last Modified Date": "lastmodifieddate",
    "Lifecycle Stage": "lifecyclestage",
    "Record source": "hs_object_source",
    "Original Traffic Source": "hs_analytics_source",
    "Original Traffic Source Drill-Down 1": "hs_analytics_source_data_1",
    "Original Traffic Source Drill-Down 2": "hs_analytics_source_data_2",
    "First Page Seen": "hs_analytics_first_url",
    "First Referring Site": "hs_analytics_first_referrer",
    "Time First Seen": "hs_analytics_first_timestamp",
    "Time of First Session": "hs_analytics_first_visit_timestamp",
    "Last Page Seen": "hs_analytics_last_url",
    "Last Referring Site": "hs_analytics_last_referrer",
    "Time Last Seen": "hs_analytics_last_timestamp",
    "Time of Last Session": "hs_analytics_last_visit_timestamp",
    "Latest Traffic Source": "hs_latest_source",
    "Latest Traffic Source Drill-Down 1": "hs_latest_source_data_1",
    "Latest Traffic Source Drill-Down 2": "hs_latest_source_data_2",
    "Latest Traffic Source Date": "hs_latest_source_timestamp",
    "Number of Pageviews": "hs_analytics_num_page_views",
    "Number of Sessions": "hs_analytics_num_visits",
    "First Conversion Date": "first_conversion_date",
    "First Conversion": "first_conversion_event_name",
    "Recent Conversion Date": "recent_conversion_date",
    "Number of Form Submissions": "num_conversion_events",
    "Number of Unique Forms Submitted": "num_unique_conversion_events",
    "All form submissions for a contact": "hs_calculated_form_submissions",
    "Google ad click id": "hs_google_click_id",
    "Facebook click id": "hs_facebook_click_id",
    "LinkedIn click id": "hs_linkedin_click_id",
    "Merged contact IDs": "hs_merged_object_ids",
}
_DEALS = {
    "Record ID": "hs_object_id",
    "Deal Name": "dealname",
    "Deal Stage": "dealstage",
    "Pipeline": "pipeline",
    "Amount": "amount",
    "Amount in company currency": "amount_in_home_currency",
    "Currency": "deal_currency_code",
    "Close Date": "closedate",
    "Create Date": "createdate",
    "Is Closed Won": "hs_is_closed_won",
}
_SOURCES = {
    "ORGANIC_SEARCH": "Organic Search",
    "PAID_SEARCH": "Paid Search",
    "EMAIL_MARKETING": "Email Marketing",
    "SOCIAL_MEDIA": "Organic Social",
    "REFERRALS": "Referrals",
    "OTHER_CAMPAIGNS": "Other Campaigns",
    "DIRECT_TRAFFIC": "Direct Traffic",
    "OFFLINE": "Offline Sources",
    "PAID_SOCIAL": "Paid Social",
    "AI_REFERRALS": "AI Referrals",
}
_NETWORKS = {
    Network.GOOGLE: "Google Ads",
    Network.FACEBOOK: "Facebook Ads",
    Network.LINKEDIN: "LinkedIn Ads",
}


def export(sandbox: Sandbox, folder: Path, first: date, last: date) -> None:
    """Writes all of them; the campaigns for the days given, the rest whole, as HubSpot does."""
    crm, zone = changes_of(sandbox).crm, ZoneInfo(sandbox.company.portal_time_zone)
    snapshot, today = crm.snapshot(), sandbox.now.astimezone(zone).date()
    for kind, columns in (("contacts", _CONTACTS), ("deals", _DEALS)):
        dated = {name for name, known in crm.definitions(kind).items() if known.type == "datetime"}
        header = [*columns, *(["Associated Contact IDs"] if kind == "deals" else [])]
        rows = [
            [
                *(_value(snapshot.records[kind][i], name, dated, zone) for name in columns.values()),
                *([_tied(snapshot, i)] if kind == "deals" else []),
            ]
            for i in snapshot.live[kind]
        ]
        write(folder / f"hubspot-crm-exports-all-{kind}-{today}.csv", header, rows, _STYLE)
    forms = Forms(crm)
    for form in forms.rows():
        log = [
            [minute(row.at.astimezone(zone)), row.page_url, form["name"], row.email]
            for row in forms.log(form["id"])
        ]
        name = re.sub(r"[^a-z0-9]+", "-", form["name"].lower()).strip("-")
        header = ["Conversion Date", "Conversion Page", "Conversion Title", "Email"]
        write(folder / f"hubspot-form-submissions-{name}-{today}.csv", header, log, _STYLE)
    _ads(sandbox, folder / f"hubspot-ads-export-{today}.csv", first, last, zone)


def _value(record: Record, name: str, dated: set[str], zone: ZoneInfo) -> Cell:
    text = record.values.get(name)
    if text is None:
        return None
    if name in dated:
        return minute(parse_instant(text).astimezone(zone))
    return _SOURCES.get(text, text) if name.endswith("_source") else text


def _tied(snapshot: Snapshot, deal: str) -> str | None:
    return ";".join(snapshot.tied("deals", deal, "contacts")) or None


def _ads(sandbox: Sandbox, path: Path, first: date, last: date, zone: ZoneInfo) -> None:
    """Contacts per campaign under the default report, by the day they were credited."""
    counted: Counter[tuple[str, str]] = Counter()
    for contact in live_contacts(sandbox.portal, sandbox.now):
        for credit in Known(contact, sandbox.now).credits():
            if credit.report == REPORT and first <= credit.credited_at.astimezone(zone).date() <= last:
                counted[credit.ad[0], credit.ad[2]] += 1
    rows: list[list[Cell]] = [
        [
            _NETWORKS[network],
            account.name,
            campaign.name_at(sandbox.now),
            campaign.id,
            counted[network, campaign.id],
        ]
        for network, accounts in sandbox.company.accounts.items()
        for account in accounts
        for campaign in account.campaigns
    ]
    write(
        path,
        ["Ad network", "Ad account", "Campaign", "Campaign ID", "Contacts"],
        rows,
        _STYLE,
        before=[["Attribution: First form submission"], [f"Date range: {first} - {last}"]],
    )
