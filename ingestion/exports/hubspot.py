"""HubSpot's exports as its API's answers: contacts, deals, a file per form, the ads tool's campaigns.

Each load reads the files whole. Page views, histories of properties, deleted contacts and lists are in none.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from ingestion.config import Settings
from ingestion.exports import rows, settings
from ingestion.exports.folder import Export, Record
from ingestion.exports.layouts import normal
from ingestion.exports.money import company_currency
from ingestion.landing.arrow import Page, Table
from ingestion.landing.resources import Landing
from ingestion.sources.hubspot import settings as hubspot
from ingestion.sources.hubspot import tables

__all__ = ["DAILY", "ENTITIES", "resources"]

VENDOR = "hubspot"
# a contact's own list of submissions, and the addresses by which they are found in a form's file
_COUNTED = ("hs_calculated_form_submissions", "email", "hs_additional_emails")
_NEXT = timedelta(milliseconds=1)
# the default of HubSpot's ads tool: https://knowledge.hubspot.com/ads/understand-ad-attribution-reports
_USUAL_REPORT = "first_form_submission"


# each load has all there is, but for the portal's id
ENTITIES = tuple(
    replace(table.with_column("portal_id", required=False), disposition="replace", latest=False, whole=None)
    for table in tables.ENTITIES
)
DAILY: tuple[Table, ...] = ()


def resources(landing: Landing, part: str) -> list[Any]:
    """The dlt resources of a part. No file is opened before they run."""
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
    # an instant is a date, too
    return value.isoformat() if isinstance(value, date) else value


def _account(landing: Landing) -> Iterator[Page]:
    if not settings.is_zone_set():
        rows.notice_once(
            landing,
            f"{settings.SECTION.name('time_zone')} is not set: clock times of the files are taken as UTC;"
            f" set it ({settings.SECTION.environment('time_zone')}) to the HubSpot account's own zone,"
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
    """The records of a kind, each as the newest file has it."""
    seen: set[str] = set()
    for export, record in rows.records(landing, rows.exports(landing, VENDOR, kind), table, only):
        if (key := record.values["contact_id"]) in seen:
            rows.count_repeat(landing, table)
            continue
        seen.add(key)
        yield export, record


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
    """A submission that a contact's own list counts: form, and instant to the millisecond."""

    form: str
    at: datetime


@dataclass
class _Form:
    """A form as its files have it, the newest first; each file is of one form."""

    id: str
    title: str
    files: list[list[Record]] = field(default_factory=list)


def _counted(landing: Landing) -> dict[tuple[str, datetime], list[_Counted]]:
    """What the contacts' lists count, by address and minute."""
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
            for address in {each.strip().casefold() for each in addresses.split(";")} - {""}:
                found[address, _minute(at)].append(_Counted(form, at))
    return found


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _place(record: Record) -> tuple[str, datetime]:
    return (record.values.get("email") or "").strip().casefold(), _minute(record.values["conversion_date"])


@dataclass(frozen=True)
class _Forms:
    """The forms of all files, and what contacts count."""

    forms: Sequence[_Form]
    counted: Mapping[tuple[str, datetime], Sequence[_Counted]]


def _read_forms(landing: Landing) -> _Forms:
    counted = _counted(landing)
    found: dict[str, _Form] = {}
    for export in rows.exports(landing, VENDOR, "submissions"):
        records = [record for _, record in rows.records(landing, [export], tables.FORM_SUBMISSIONS)]
        votes = Counter(one.form for record in records for one in counted.get(_place(record), ()))
        # no file names its form's id: it is that of most counted submissions that fit its rows
        name = re.sub(r"\d+", " ", export.path.stem)
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
    """Submissions at the instant that the contact's own list has; files are to the minute.

    A row of an older file that a newer one has, too, is one submission; equal rows of one file are several.
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
                    # what nothing but a row of its own tells from another is one more submission
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
    """The file's own word for it, else a stage that is called so."""
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
    """The rates that the settings name; no file has any."""
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


# -- what HubSpot's own ads tool counts ---------------------------------------------------------------------


def _ads(landing: Landing) -> Iterator[Page]:
    """Rows of all its exports; the newest of a report and range speaks for it."""

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
    """The attribution report that the lines above the table name, else HubSpot's default."""
    words = export.layout.words["report"]
    for line in export.before:
        text_above = normal(line)
        found = [text for text in words if text in text_above]
        if found:
            return words[max(found, key=len)]
    return _USUAL_REPORT
