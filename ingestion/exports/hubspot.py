"""Convert HubSpot exports (contacts, deals, one file per form, campaigns of the ads tool) to API answers.

Each load reads all rows of the files. They contain no page views, property histories, deleted contacts or
lists.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import orjson

from ingestion.config import Settings
from ingestion.exports import rows, settings
from ingestion.exports.export import Export, Problem, Record
from ingestion.exports.layouts import normal
from ingestion.exports.money import company_currency
from ingestion.landing.arrow import Page, Table
from ingestion.landing.resources import Landing
from ingestion.sources.hubspot import settings as hubspot
from ingestion.sources.hubspot import tables

__all__ = ["DAILY", "ENTITIES", "resources"]

VENDOR = "hubspot"
# a contact's list of submissions, and the e-mail addresses that match them to rows of a form's file
_COUNTED = ("hs_calculated_form_submissions", "email", "hs_additional_emails")
_NEXT = timedelta(milliseconds=1)
# the default of HubSpot's ads tool: https://knowledge.hubspot.com/ads/understand-ad-attribution-reports
_USUAL_REPORT = "first_form_submission"


# each load replaces the tables, because the files contain all records; only the portal id may be missing
ENTITIES = tuple(
    replace(table.with_column("portal_id", required=False), disposition="replace", latest=False, whole=None)
    for table in tables.ENTITIES
)
DAILY: tuple[Table, ...] = ()


def resources(landing: Landing, part: str) -> list[Any]:
    """Return the dlt resources of a part. Opens no file until they run."""
    read = {
        tables.ACCOUNT.name: _account,
        tables.CONTACTS.name: _contacts,
        tables.FORMS.name: _forms,
        tables.FORM_SUBMISSIONS.name: _submissions,
        tables.DEALS.name: _deals,
        tables.DEAL_CONTACTS.name: _deal_contacts,
        tables.EXCHANGE_RATES.name: _exchange_rates,
        tables.ADS_EXPORT.name: _ads,
    }
    return rows.entity_resources(landing, ENTITIES, read)


def _wrap(results: list[Mapping[str, Any]]) -> Any:
    return {"results": results}


def _iso(value: Any) -> Any:
    # a datetime is also a date
    return value.isoformat() if isinstance(value, date) else value


def _account(landing: Landing) -> Iterator[Page]:
    if not settings.is_zone_set():
        rows.notice_once(
            landing,
            f"{settings.SECTION.name('time_zone')} is not set: times in the files are read as UTC;"
            f" set it ({settings.SECTION.environment('time_zone')}) to the HubSpot account's time zone,"
            " like Europe/Berlin",
        )
    portal = settings.portal_id()
    yield from rows.pages(
        [
            (
                (("domains", orjson.dumps(Settings(VENDOR).hosts("domains")).decode()),),
                {
                    "portalId": int(portal) if portal else None,
                    "timeZone": settings.portal_zone().key,
                    "companyCurrency": company_currency(rows.files(landing).folder),
                },
            )
        ],
        _wrap,
    )


def _once(landing: Landing, kind: str, table: Table | None, *only: str) -> Iterator[tuple[Export, Record]]:
    """Yield the records of a kind, each from the latest file that contains it.

    A record that a file contains twice is a problem of its second row: nothing shows which one is right.
    """
    later: set[int] = set()
    for export in rows.exports(landing, VENDOR, kind):
        here: set[int] = set()
        repeated = rows.Faults(landing, table, export, is_reported=False)
        for _, record in rows.records(landing, [export], table, only):
            # an int takes half the memory of its digits
            key = int(record.values["contact_id"])
            if key in here:
                fault = "has the id of an earlier row: export each record once"
                repeated.refuse(Problem(export.name, fault, record.row))
            elif key in later:
                rows.count_repeat(landing, table)
            else:
                here.add(key)
                yield export, record
        repeated.close()
        later |= here


def _contacts(landing: Landing) -> Iterator[Page]:
    def found() -> Iterator[tuple[rows.Context, Mapping[str, Any]]]:
        for export, record in _once(landing, "contacts", tables.CONTACTS):
            properties = _properties(record, hubspot.CONTACT_PROPERTIES)
            for name in ("hs_analytics_source", "hs_latest_source"):
                properties[name] = export.layout.word("source", properties.get(name))
            created = properties["createdate"]
            yield (
                (),
                {
                    "id": record.values["contact_id"],
                    "createdAt": created,
                    "updatedAt": properties.get("lastmodifieddate") or created,
                    "properties": properties,
                },
            )

    yield from rows.pages(found(), _wrap)


def _properties(record: Record, names: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        value = _iso(record.values.get(name))
        found[name] = str(value) if isinstance(value, (int, Decimal)) else value
    return found


# -- submissions --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Counted:
    """A submission in a contact's own list: form, and instant to the millisecond."""

    form: str
    at: datetime


@dataclass
class _Form:
    """A form and its files, newest first; each file contains one form."""

    id: str
    title: str
    files: list[list[Record]] = field(default_factory=list)


def _counted(
    landing: Landing, wanted: Collection[tuple[str, datetime]]
) -> dict[tuple[str, datetime], list[_Counted]]:
    """Return the submissions in the contacts' lists by e-mail address and minute, of the `wanted` ones."""
    found: dict[tuple[str, datetime], list[_Counted]] = defaultdict(list)
    for _, record in _once(landing, "contacts", None, "contact_id", *_COUNTED):
        listed, *emails = (record.values.get(name) for name in _COUNTED)
        addresses = ";".join(filter(None, emails))
        for entry in (listed or "").split(";"):
            form, _, rest = entry.partition(":")
            stamp = rest.rpartition(":")[2]
            if not stamp.isdecimal():
                continue
            at = datetime.fromtimestamp(int(stamp) / 1000, tz=UTC)
            for email in {each.strip().casefold() for each in addresses.split(";")} - {""}:
                if (place := (email, _minute(at))) in wanted:
                    found[place].append(_Counted(form, at))
    return found


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _place(record: Record) -> tuple[str, datetime]:
    return (record.values.get("email") or "").strip().casefold(), _minute(record.values["conversion_date"])


@dataclass(frozen=True)
class _Forms:
    """The forms of all files, and the submissions in the contacts' lists."""

    forms: Sequence[_Form]
    counted: Mapping[tuple[str, datetime], Sequence[_Counted]]


def _read_forms(landing: Landing) -> _Forms:
    by_file = [
        (export, [record for _, record in rows.records(landing, [export], tables.FORM_SUBMISSIONS)])
        for export in rows.exports(landing, VENDOR, "submissions")
    ]
    counted = _counted(landing, {_place(record) for _, records in by_file for record in records})
    found: dict[str, _Form] = {}
    for export, records in by_file:
        votes = Counter(one.form for record in records for one in counted.get(_place(record), ()))
        # files contain no form id: take the id of most submissions in contacts' lists that match the rows
        name = re.sub(r"\d+", " ", PurePath(export.table.part or export.table.path).stem)
        form_id = votes.most_common(1)[0][0] if votes else f"file:{normal(name).replace(' ', '-')}"
        titles = {record.values.get("conversion_title") for record in records} - {None}
        title = titles.pop() if len(titles) == 1 else normal(name)
        form = found.setdefault(form_id, _Form(form_id, str(title)))
        form.files.append(records)
    return _Forms(list(found.values()), counted)


def _forms_of_files(landing: Landing) -> _Forms:
    return rows.files(landing).once("forms", lambda: _read_forms(landing))


def _forms(landing: Landing) -> Iterator[Page]:
    forms = _forms_of_files(landing).forms
    yield from rows.pages(
        (((), {"id": form.id, "name": form.title, "formType": "hubspot"}) for form in forms), _wrap
    )


def _submissions(landing: Landing) -> Iterator[Page]:
    """Yield submissions with the instant from the contact's own list, because files have minutes only.

    The same row in an older and a newer file is one submission; equal rows in one file are several.
    """
    all_forms = _forms_of_files(landing)

    def found() -> Iterator[tuple[rows.Context, Mapping[str, Any]]]:
        for form in all_forms.forms:
            instants: dict[tuple[str, datetime], list[datetime]] = {}
            used: set[tuple[str, datetime]] = set()
            newer: Counter[tuple[Any, ...]] = Counter()
            for records in form.files:
                here: Counter[tuple[Any, ...]] = Counter()
                for record in records:
                    place, page = _place(record), record.values.get("conversion_page")
                    here[place, page] += 1
                    if here[place, page] <= newer[place, page]:
                        rows.count_repeat(landing, tables.FORM_SUBMISSIONS)
                        continue
                    newer[place, page] += 1
                    if place not in instants:
                        listed = sorted(
                            one.at for one in all_forms.counted.get(place, ()) if one.form == form.id
                        )
                        instants[place] = listed
                    at = instants[place].pop(0) if instants[place] else record.values["conversion_date"]
                    # equal rows of one file are different submissions, so each needs its own instant
                    while (place[0], at) in used:
                        at += _NEXT
                    used.add((place[0], at))
                    yield (
                        (("form_id", form.id),),
                        {
                            "submittedAt": round(at.timestamp() * 1000),
                            "pageUrl": page,
                            "values": [{"name": "email", "value": record.values.get("email")}],
                        },
                    )

    yield from rows.pages(found(), _wrap)


# -- deals --------------------------------------------------------------------------------------------------


def _deals(landing: Landing) -> Iterator[Page]:
    def found() -> Iterator[tuple[rows.Context, Mapping[str, Any]]]:
        for export, record in _once(landing, "deals", tables.DEALS):
            properties = _properties(record, hubspot.DEAL_PROPERTIES)
            properties["hs_is_closed_won"] = _is_won(export, record)
            yield (
                (),
                {
                    "id": record.values["contact_id"],
                    "createdAt": properties.get("createdate"),
                    "updatedAt": properties.get("hs_lastmodifieddate"),
                    "properties": properties,
                },
            )

    yield from rows.pages(found(), _wrap)


def _is_won(export: Export, record: Record) -> str:
    """Return "true" if the deal is won, by its closed-won column, else by the name of its stage."""
    closed_won = record.values.get("hs_is_closed_won")
    if closed_won is not None:
        return export.layout.word("affirmed", closed_won) or "false"
    return "true" if export.layout.word("stage", record.values.get("dealstage")) == "CLOSED_WON" else "false"


def _deal_contacts(landing: Landing) -> Iterator[Page]:
    yield from rows.pages(
        (
            (
                (),
                {
                    "from": {"id": record.values["contact_id"]},
                    "to": [{"toObjectId": each} for each in _ids(record.values.get("contact_ids"))],
                },
            )
            for _, record in _once(landing, "deals", None)
        ),
        _wrap,
    )


def _ids(text: str | None) -> list[str]:
    return [part for each in (text or "").replace(",", ";").split(";") if (part := each.strip()).isdecimal()]


def _exchange_rates(landing: Landing) -> Iterator[Page]:
    """Yield the exchange rates of the settings; files contain none."""
    home = company_currency(rows.files(landing).folder)
    yield from rows.pages(
        (
            (
                (),
                {
                    "id": f"{code}:{home}",
                    "fromCurrencyCode": code,
                    "toCurrencyCode": home,
                    "conversionRate": str(rate),
                    "effectiveAt": "1970-01-01T00:00:00Z",
                },
            )
            for code, rate in settings.exchange_rates().items()
        ),
        _wrap,
    )


# -- contacts by campaign in HubSpot's ads tool -------------------------------------------------------------


def _ads(landing: Landing) -> Iterator[Page]:
    """Yield the rows of all ads exports; the newest file of a report and date range wins."""

    def found() -> Iterator[tuple[rows.Context, Mapping[str, Any]]]:
        seen: dict[tuple[Any, ...], str] = {}
        for export, record in rows.records(landing, rows.exports(landing, VENDOR, "ads"), tables.ADS_EXPORT):
            cells = record.values
            network = export.layout.word("network", cells["ad_network"])
            first, last = export.range or (None, None)
            key = (_report(export), network, cells.get("ad_campaign_id"), cells["ad_campaign"], first, last)
            if seen.setdefault(key, export.name) != export.name:
                rows.count_repeat(landing, tables.ADS_EXPORT)
                continue
            yield (
                (),
                {
                    "attributionReport": key[0],
                    "network": network,
                    "campaignId": cells.get("ad_campaign_id"),
                    "campaignName": cells["ad_campaign"],
                    "firstDate": _iso(first),
                    "lastDate": _iso(last),
                    "contacts": cells["contacts"] or 0,
                },
            )

    yield from rows.pages(found(), _wrap)


def _report(export: Export) -> str:
    """Return the attribution report in the lines above the table, else HubSpot's default."""
    words = export.layout.words["report"]
    for line in export.before:
        text_above = normal(line)
        found = [text for text in words if text in text_above]
        if found:
            return words[max(found, key=len)]
    return _USUAL_REPORT
