"""Positions to records in HubSpot's JSON shapes: texts are derived from a record's position, never stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from sandbox.bulk.portal import (
    CONVERSION_IDS_SINCE_MS,
    FORM_KINDS,
    FORM_NAMES,
    START_MS,
    Ints,
    Portal,
    mix,
    pick,
)

Texts = list[str | None]
Maker = Callable[["Slice"], Sequence[str | None]]

SITE = "https://www.grosshandel.example"
_FIRST = ("Ada", "Bo", "Cem", "Dana", "Eli", "Fay", "Gus", "Hana", "Ilja", "Jo", "Kim", "Lea", "Milo", "Nia")
_LAST = ("Albers", "Brandt", "Conti", "Dahl", "Ebert", "Frost", "Garcia", "Holm", "Iversen", "Jansen", "Kaya")
_FREE_MAIL = ("post.example", "mail.example", "inbox.test")
_PAGES = (
    ("/", "Home", "180011"),
    ("/demo", "Demo", "180012"),
    ("/pricing", "Pricing", "180013"),
    ("/guide", "Guide", "180014"),
    ("/blog/attribution", "What a click is worth", "180015"),
    ("/blog/forecast", "Forecasting for wholesale", "180016"),
    ("/contact", "Contact", "180017"),
    ("/about", "About us", "180018"),
)
_CHANNELS = (
    "DIRECT_TRAFFIC",
    "ORGANIC_SEARCH",
    "PAID_SEARCH",
    "PAID_SEARCH",
    "PAID_SOCIAL",
    "PAID_SOCIAL",
    "REFERRALS",
    "EMAIL_MARKETING",
)
_REFERRERS = (
    None,
    "https://www.google.com/",
    "https://www.google.com/",
    "https://www.google.com/",
    "https://www.facebook.com/",
    "https://www.linkedin.com/",
    "https://news.example/",
    None,
)
_CAMPAIGNS = ("brand", "crm-software", "wholesale-eu", "retargeting", "webinar-q3", "guide-2026")
_STAGES = (
    ("appointmentscheduled", "Appointment scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified to buy", "0.4"),
    ("contractsent", "Contract sent", "0.9"),
    ("closedwon", "Closed won", "1.0"),
    ("closedlost", "Closed lost", "0.0"),
)
_CURRENCIES = (("EUR", 1.0), ("EUR", 1.0), ("USD", 1.1), ("GBP", 0.86))
_LIFECYCLE = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity")
_TOPICS = (None, "news", "news;events", "product;events", "news;product;events")
_SETUP = "2024-09-02T08:00:00Z"


def stamps(at: Ints) -> list[str]:
    """Instants as HubSpot prints them: no fraction where it is zero."""
    texts = np.datetime_as_string(at.astype("datetime64[ms]")).tolist()
    return [f"{text[:-4]}Z" if text.endswith(".000") else f"{text}Z" for text in texts]


def _numbers(values: Ints) -> list[str]:
    return [str(value) for value in values.tolist()]


def _uuids(positions: Any, salt: int) -> list[str]:
    high, low = mix(positions, salt).tolist(), mix(positions, salt + 1).tolist()
    return [
        f"{h >> 32:08x}-{h >> 16 & 0xFFFF:04x}-4{h & 0xFFF:03x}-a{low >> 52:03x}-{low & 0xFFFFFFFFFFFF:012x}"
        for h, low in zip(high, low, strict=True)
    ]


# -- visits and their addresses -------------------------------------------------------------------------


def _campaign_of(bits: int) -> tuple[str, int, int, int]:
    number = bits % len(_CAMPAIGNS)
    campaign = 20_100_000_000 + number * 7_919
    group = 160_000_000_000 + (bits >> 8) % 12 * 104_729
    return _CAMPAIGNS[number], campaign, group, 690_000_000_000 + (bits >> 16) % 40 * 15_485_863


def _landing_url(bits: int, channel: int) -> str:
    """Where a visit landed, with the parameters that HubSpot's ad tracking adds and the click id."""
    page = SITE + _PAGES[bits % len(_PAGES)][0]
    if channel in (0, 1, 6):
        return page
    name, campaign, group, ad = _campaign_of(bits)
    if channel == 7:
        return f"{page}?utm_campaign={name}&utm_source=hs_email&utm_medium=email&_hsmi={bits % 10**8}"
    ids = f"hsa_cam={campaign}&hsa_grp={group}&hsa_ad={ad}"
    click = f"{bits:016x}{bits ^ 0x5BD1E995A7C3F1E5:016x}"
    if channel == 4:
        return (
            f"{page}?utm_campaign={name}&utm_source=facebook&utm_medium=paid&hsa_acc=880011223344&{ids}"
            f"&hsa_src=fb&hsa_net=facebook&hsa_ver=3&fbclid=IwAR{click}"
        )
    if channel == 5:
        return (
            f"{page}?utm_campaign={name}&utm_source=linkedin&utm_medium=paid&hsa_acc=509876543&{ids}"
            f"&hsa_net=linkedin&hsa_ver=3"
            f"&li_fat_id={click[:8]}-{click[8:12]}-4{click[13:16]}-a{click[17:20]}-{click[20:]}"
        )
    return (
        f"{page}?utm_term={name}&utm_campaign={name}&utm_source=adwords&utm_medium=ppc&hsa_acc=1234567890"
        f"&{ids}&hsa_src=g&hsa_tgt=kwd-{group % 10**9}&hsa_kw={name}&hsa_mt=p&hsa_net=adwords&hsa_ver=3"
        f"&gclid=Cj0KCQiA{click}_BwE"
    )


def _details(bits: int, channel: int) -> tuple[str | None, str | None]:
    name = _CAMPAIGNS[bits % len(_CAMPAIGNS)]
    if channel == 0:
        return "www.grosshandel.example" + _PAGES[bits % len(_PAGES)][0], None
    if channel == 1:
        return "Unknown keywords (SSL)", None
    if channel in (2, 3):
        return name, name.replace("-", " ")
    if channel in (4, 5):
        return ("Facebook", "LinkedIn")[channel - 4], name
    return ("news.example", None) if channel == 6 else (name, None)


class Visits:
    """Visits of contacts, each the same whichever record it is read from."""

    def __init__(self, contacts: Ints, visits: Ints) -> None:
        keys = contacts * 1_000_003 + visits
        self.bits: list[int] = mix(keys, 42).tolist()
        self.channels: list[int] = pick(keys, 41, len(_CHANNELS)).tolist()

    @cached_property
    def urls(self) -> list[str]:
        """Landing addresses."""
        return list(map(_landing_url, self.bits, self.channels))

    @cached_property
    def details(self) -> list[tuple[str | None, str | None]]:
        """Both drill-downs of the traffic source."""
        return list(map(_details, self.bits, self.channels))

    @cached_property
    def sources(self) -> list[str]:
        """Traffic sources."""
        return [_CHANNELS[channel] for channel in self.channels]

    @cached_property
    def referrers(self) -> Texts:
        """Referrers of the landings."""
        return [_REFERRERS[channel] for channel in self.channels]


# -- contacts -------------------------------------------------------------------------------------------


def _names_of(contacts: Ints) -> list[tuple[str, str]]:
    return [
        (_FIRST[bits % len(_FIRST)], _LAST[(bits >> 8) % len(_LAST)]) for bits in mix(contacts, 51).tolist()
    ]


class Slice:
    """A page of positions, and what several properties of the same records are made of."""

    def __init__(self, portal: Portal, at: Ints) -> None:
        self.portal, self.at = portal, at

    @cached_property
    def names(self) -> list[tuple[str, str]]:
        """First and last names of contacts."""
        return _names_of(self.at)

    @cached_property
    def domains(self) -> list[str]:
        """E-mail domains of contacts."""
        return [
            f"firma{company}.example" if company >= 0 else _FREE_MAIL[contact % len(_FREE_MAIL)]
            for contact, company in zip(self.at.tolist(), self.portal.employer[self.at].tolist(), strict=True)
        ]

    @cached_property
    def emails(self) -> list[str]:
        """E-mail addresses of contacts."""
        people = zip(self.names, self.at.tolist(), self.domains, strict=True)
        return [f"{first}.{last}{number}@{domain}".lower() for (first, last), number, domain in people]

    @cached_property
    def seen(self) -> list[bool]:
        """Whether each contact has a visit."""
        return (self.portal.visits_of[self.at] > 0).tolist()  # type: ignore[no-any-return]

    @cached_property
    def first(self) -> Visits:
        """The first visits of contacts."""
        return Visits(self.at, self.portal.first_visit[self.at])

    @cached_property
    def last(self) -> Visits:
        """The newest visits of contacts."""
        return Visits(self.at, self.portal.last_visit[self.at])

    @cached_property
    def bounds(self) -> tuple[Ints, Ints]:
        """Where each contact's submissions begin and end in `by_sender`."""
        return self.portal.sender_bounds[self.at], self.portal.sender_bounds[self.at + 1]

    def sent(self, *, newest: bool) -> Ints:
        """Position of the oldest or newest submission of each contact that has one."""
        start, end = self.bounds
        chosen: Ints = self.portal.by_sender[(end - 1 if newest else start)[end > start]]
        return chosen

    def submitted(self, texts: Sequence[str]) -> Texts:
        """The texts, one per contact with a submission, in the places of those contacts."""
        start, end = self.bounds
        left = iter(texts)
        return [next(left) if there else None for there in (end > start).tolist()]

    def stamped(self, column: str) -> Texts:
        """A column of instants of the contacts, None where it is zero."""
        at: Ints = getattr(self.portal, column)[self.at]
        return [text if there else None for there, text in zip((at > 0).tolist(), stamps(at), strict=True)]

    def visited(self, texts: Sequence[str | None], otherwise: str | None = None) -> Texts:
        """The texts of those contacts that have a visit."""
        return [text if there else otherwise for there, text in zip(self.seen, texts, strict=True)]


def _form_name(form: int) -> str:
    return FORM_NAMES[form] if form < len(FORM_NAMES) else f"Form {form}"


def _calculated(page: Slice) -> Texts:
    portal, (start, end) = page.portal, page.bounds
    sizes = (end - start).tolist()
    runs = [portal.by_sender[s:e] for s, e in zip(start.tolist(), end.tolist(), strict=True) if e > s]
    sent = np.concatenate(runs) if runs else portal.by_sender[:0]
    entries = [
        f"{portal.form_guids[form]}:{_PAGES[seen][2]}:{at}"
        for form, seen, at in zip(
            portal.sent_to[sent].tolist(),
            pick(sent, 61, len(_PAGES)).tolist(),
            portal.sent_at[sent].tolist(),
            strict=True,
        )
    ]
    left = iter(entries)
    return [";".join(islice(left, size)) or None for size in sizes]


def _conversion_name(*, newest: bool) -> Maker:
    def make(page: Slice) -> Texts:
        sent = page.sent(newest=newest)
        pages, forms = pick(sent, 61, len(_PAGES)).tolist(), page.portal.sent_to[sent].tolist()
        return page.submitted(
            [f"{_PAGES[seen][1]}: {_form_name(form)}" for seen, form in zip(pages, forms, strict=True)]
        )

    return make


def _conversion_date(*, newest: bool) -> Maker:
    return lambda page: page.submitted(stamps(page.portal.sent_at[page.sent(newest=newest)]))


def _conversions(page: Slice) -> list[str]:
    start, end = page.bounds
    return _numbers(end - start)


def _click_id(parameter: str) -> Maker:
    return lambda page: page.visited([u.partition(f"&{parameter}=")[2] or None for u in page.last.urls])


def _constant(value: str | None) -> Maker:
    return lambda page: [value] * len(page.at)


def _chosen(choices: Sequence[str | None], salt: int) -> Maker:
    return lambda page: [choices[number] for number in pick(page.at, salt, len(choices)).tolist()]


CONTACT_PROPERTIES: dict[str, tuple[str, Maker]] = {
    "email": ("string", lambda page: page.emails),
    "firstname": ("string", lambda page: [first for first, _ in page.names]),
    "lastname": ("string", lambda page: [last for _, last in page.names]),
    "hs_object_id": ("number", lambda page: _numbers(page.portal.contact_ids[page.at])),
    "createdate": ("datetime", lambda page: stamps(page.portal.contact_created[page.at])),
    "lastmodifieddate": ("datetime", lambda page: stamps(page.portal.contact_modified[page.at])),
    "hs_email_domain": ("string", lambda page: page.domains),
    "hs_additional_emails": ("string", _constant(None)),
    "hs_merged_object_ids": ("enumeration", _constant(None)),
    "lifecyclestage": ("enumeration", _chosen(_LIFECYCLE, 71)),
    "hs_object_source": ("enumeration", _constant("FORM")),
    "hs_analytics_source": ("enumeration", lambda page: page.visited(page.first.sources, "OFFLINE")),
    "hs_analytics_source_data_1": (
        "string",
        lambda page: page.visited([detail for detail, _ in page.first.details], "IMPORT"),
    ),
    "hs_analytics_source_data_2": (
        "string",
        lambda page: page.visited([detail for _, detail in page.first.details]),
    ),
    "hs_analytics_first_url": ("string", lambda page: page.visited(page.first.urls)),
    "hs_analytics_first_referrer": ("string", lambda page: page.visited(page.first.referrers)),
    "hs_analytics_first_timestamp": ("datetime", lambda page: page.stamped("first_view")),
    "hs_analytics_last_url": ("string", lambda page: page.visited(page.last.urls)),
    "hs_analytics_last_referrer": ("string", lambda page: page.visited(page.last.referrers)),
    "hs_analytics_last_timestamp": ("datetime", lambda page: page.stamped("last_view")),
    "hs_analytics_first_visit_timestamp": ("datetime", lambda page: page.stamped("first_view")),
    "hs_analytics_last_visit_timestamp": ("datetime", lambda page: page.stamped("last_landing")),
    "hs_latest_source": ("enumeration", lambda page: page.visited(page.last.sources, "OFFLINE")),
    "hs_latest_source_data_1": (
        "string",
        lambda page: page.visited([detail for detail, _ in page.last.details], "IMPORT"),
    ),
    "hs_latest_source_data_2": (
        "string",
        lambda page: page.visited([detail for _, detail in page.last.details]),
    ),
    "hs_latest_source_timestamp": ("datetime", lambda page: page.stamped("last_landing")),
    "hs_analytics_num_page_views": ("number", lambda page: _numbers(page.portal.views_of[page.at])),
    "hs_analytics_num_visits": ("number", lambda page: _numbers(page.portal.visits_of[page.at])),
    "first_conversion_date": ("datetime", _conversion_date(newest=False)),
    "first_conversion_event_name": ("string", _conversion_name(newest=False)),
    "recent_conversion_date": ("datetime", _conversion_date(newest=True)),
    "recent_conversion_event_name": ("string", _conversion_name(newest=True)),
    "num_conversion_events": ("number", _conversions),
    "hs_calculated_form_submissions": ("enumeration", _calculated),
    "hs_google_click_id": ("string", _click_id("gclid")),
    "hs_facebook_click_id": ("string", _click_id("fbclid")),
    "hs_linkedin_click_id": ("string", _click_id("li_fat_id")),
    "newsletter_topics": ("enumeration", _chosen(_TOPICS, 72)),
}
CUSTOM = frozenset({"newsletter_topics"})


# -- deals and companies --------------------------------------------------------------------------------


def _closed(*shares: str) -> Maker:
    flags = ["true" if share in shares else "false" for *_, share in _STAGES]
    return _chosen(flags, 81)


def _amounts(home: bool) -> Maker:
    def make(page: Slice) -> Texts:
        cents = (50_000 + pick(page.at, 82, 9_000_000)).tolist()
        rates = [_CURRENCIES[number][1] for number in pick(page.at, 83, len(_CURRENCIES)).tolist()]
        return [
            f"{value / (rate if home else 1) / 100:.2f}" for value, rate in zip(cents, rates, strict=True)
        ]

    return make


DEAL_PROPERTIES: dict[str, tuple[str, Maker]] = {
    "hs_object_id": ("number", lambda page: _numbers(page.portal.deal_ids[page.at])),
    "dealname": ("string", lambda page: [f"Order {number}" for number in page.at.tolist()]),
    "amount": ("number", _amounts(False)),
    "amount_in_home_currency": ("number", _amounts(True)),
    "deal_currency_code": ("enumeration", _chosen([code for code, _ in _CURRENCIES], 83)),
    "pipeline": ("enumeration", _constant("default")),
    "dealstage": ("enumeration", _chosen([stage for stage, _, _ in _STAGES], 81)),
    "createdate": ("datetime", lambda page: stamps(page.portal.deal_created[page.at])),
    "closedate": ("datetime", lambda page: stamps(page.portal.deal_modified[page.at])),
    "hs_lastmodifieddate": ("datetime", lambda page: stamps(page.portal.deal_modified[page.at])),
    "hs_is_closed": ("bool", _closed("0.0", "1.0")),
    "hs_is_closed_won": ("bool", _closed("1.0")),
    "hubspot_owner_id": ("enumeration", lambda page: [str(501 + number % 3) for number in page.at.tolist()]),
}
COMPANY_PROPERTIES: dict[str, tuple[str, Maker]] = {
    "hs_object_id": ("number", lambda page: _numbers(page.portal.company_ids[page.at])),
    "name": ("string", lambda page: [f"Firma {number}" for number in page.at.tolist()]),
    "domain": ("string", lambda page: [f"firma{number}.example" for number in page.at.tolist()]),
    "createdate": ("datetime", lambda page: stamps(page.portal.company_created[page.at])),
    "hs_lastmodifieddate": ("datetime", lambda page: stamps(page.portal.company_modified[page.at])),
    "country": ("string", _constant("Germany")),
    "hs_merged_object_ids": ("enumeration", _constant(None)),
}


class Kind:
    """One CRM object type: where its columns lie and which properties it has."""

    def __init__(
        self, prefix: str, modified: str, properties: dict[str, tuple[str, Maker]], defaults: str
    ) -> None:
        self.prefix, self.modified_property = prefix, modified
        self.properties = properties
        self.defaults = frozenset(defaults.split())

    def ids(self, portal: Portal) -> Ints:
        """Ids, ascending."""
        found: Ints = getattr(portal, f"{self.prefix}_ids")
        return found

    def created(self, portal: Portal) -> Ints:
        """Milliseconds of creation."""
        found: Ints = getattr(portal, f"{self.prefix}_created")
        return found

    def modified(self, portal: Portal) -> Ints:
        """Milliseconds of the last change."""
        found: Ints = getattr(portal, f"{self.prefix}_modified")
        return found

    def archived(self, portal: Portal) -> Any:
        """Which records are archived."""
        return (
            portal.contact_archived if self.prefix == "contact" else np.zeros(len(self.ids(portal)), np.bool_)
        )


KINDS = {
    "contacts": Kind("contact", "lastmodifieddate", CONTACT_PROPERTIES, "email firstname lastname"),
    "deals": Kind(
        "deal", "hs_lastmodifieddate", DEAL_PROPERTIES, "amount closedate dealname dealstage pipeline"
    ),
    "companies": Kind("company", "hs_lastmodifieddate", COMPANY_PROPERTIES, "domain name"),
}
_SINGLE = {"contact": "contacts", "deal": "deals", "company": "companies"}
_TYPE_IDS = {"0-1": "contacts", "0-2": "companies", "0-3": "deals"}


#: Type ids of the vendor's own, unlabelled associations.
ASSOCIATION_TYPES: dict[tuple[str | None, str | None], int] = {
    ("contacts", "companies"): 279,
    ("companies", "contacts"): 280,
    ("deals", "contacts"): 3,
    ("contacts", "deals"): 4,
    ("deals", "companies"): 341,
    ("companies", "deals"): 342,
}


def singular(name: str) -> str:
    """How association labels name a type."""
    return KINDS[name].prefix


def kind_name(text: str) -> str | None:
    """The plural name of an object type, from any name HubSpot takes; None for a type nobody has here."""
    name = _TYPE_IDS.get(text, _SINGLE.get(text, text))
    return name if name in KINDS else None


def objects(
    portal: Portal, name: str, positions: Ints, wanted: Sequence[str], history: Sequence[str]
) -> list[dict[str, Any]]:
    """CRM records with the properties asked for and those that always come."""
    kind = KINDS[name]
    always = {"createdate", "hs_object_id", kind.modified_property}
    names = sorted(({*wanted} if wanted else kind.defaults) & kind.properties.keys() | always)
    page = Slice(portal, positions)
    columns = [kind.properties[column][1](page) for column in names]
    created, modified = stamps(kind.created(portal)[positions]), stamps(kind.modified(portal)[positions])
    archived = kind.archived(portal)[positions].tolist()
    rows: list[dict[str, Any]] = [
        {
            "id": str(number),
            "properties": dict(zip(names, values, strict=True)),
            "createdAt": born,
            "updatedAt": changed,
            "archived": gone,
        }
        for number, born, changed, gone, values in zip(
            kind.ids(portal)[positions].tolist(),
            created,
            modified,
            archived,
            zip(*columns, strict=True),
            strict=True,
        )
    ]
    for row in rows:
        if row["archived"]:
            row["archivedAt"] = row["updatedAt"]
    if history:
        _add_history(page, kind, [h for h in history if h in kind.properties], rows)
    return rows


def _add_history(page: Slice, kind: Kind, names: list[str], rows: list[dict[str, Any]]) -> None:
    """Newest first: addresses moved with every visit (the last few are kept), stages once, the rest never."""
    portal = page.portal
    born = stamps(kind.created(portal)[page.at])
    current = {name: kind.properties[name][1](page) for name in names}
    for number, row in enumerate(rows):
        entries: dict[str, list[dict[str, Any]]] = {}
        earlier: list[tuple[str, str]] | None = None
        for name in names:
            value, at = current[name][number], born[number]
            values: list[tuple[str | None, str]] = [] if value is None else [(value, at)]
            if value is not None and name in ("hs_analytics_last_url", "hs_google_click_id"):
                if earlier is None:
                    earlier = _earlier_urls(portal, int(page.at[number]))
                texts = [(url.partition("&gclid=")[2] if "gclid" in name else url, t) for url, t in earlier]
                values = [(value, row["updatedAt"]), *((text, moment) for text, moment in texts if text)]
            elif name == "lifecyclestage" and value not in (None, _LIFECYCLE[0]):
                values = [(value, row["updatedAt"]), (_LIFECYCLE[0], at)]
            entries[name] = [
                {"value": text, "timestamp": moment, "sourceType": "ANALYTICS", "sourceId": "web-analytics"}
                for text, moment in values
            ]
        row["propertiesWithHistory"] = entries


def _earlier_urls(portal: Portal, contact: int) -> list[tuple[str, str]]:
    newest = int(portal.last_visit[contact])
    visits = np.arange(newest - 1, max(-1, newest - 4), -1)
    if not len(visits):
        return []
    moments = stamps(portal.contact_created[contact] + (visits + 1) * 3_600_000)
    return list(zip(Visits(np.full(len(visits), contact), visits).urls, moments, strict=True))


def definitions(name: str) -> list[dict[str, Any]]:
    """The property dictionary of a type."""
    return [
        {
            "name": column,
            "label": column.replace("_", " ").capitalize(),
            "type": type_name,
            "fieldType": {"enumeration": "select", "datetime": "date", "number": "number"}.get(
                type_name, "text"
            ),
            "groupName": "custom" if column in CUSTOM else f"{name}_information",
            "options": [],
            "calculated": column.startswith(("num_", "hs_calculated")),
            "hasUniqueValue": column in ("email", "hs_object_id"),
            "hubspotDefined": column not in CUSTOM,
            "archived": False,
            "createdAt": _SETUP,
            "updatedAt": _SETUP,
        }
        for column, (type_name, _) in KINDS[name].properties.items()
    ]


# -- events and submissions -----------------------------------------------------------------------------


def page_views(portal: Portal, positions: Ints) -> list[dict[str, Any]]:
    """Page-view events in the order of the positions."""
    viewers, visits = portal.viewer[positions].astype(np.int64), portal.view_visit[positions].astype(np.int64)
    seen = Visits(viewers, visits)
    rows: list[dict[str, Any]] = []
    for number, at, contact, lands, channel, bits, (data_1, data_2), page in zip(
        _uuids(positions, 91),
        stamps(portal.viewed_at[positions]),
        portal.contact_ids[viewers].tolist(),
        portal.view_lands[positions].tolist(),
        seen.channels,
        seen.bits,
        seen.details,
        pick(positions, 93, len(_PAGES)).tolist(),
        strict=True,
    ):
        path, title, page_id = _PAGES[bits % len(_PAGES) if lands else page]
        name = _CAMPAIGNS[bits % len(_CAMPAIGNS)]
        values: dict[str, str] = {
            "hs_url": _landing_url(bits, channel) if lands else SITE + path,
            "hs_title": title,
            "hs_page_id": page_id,
            "hs_visit_source": _CHANNELS[channel],
        }
        if data_1:
            values["hs_visit_source_details_1"] = data_1
        if data_2:
            values["hs_visit_source_details_2"] = data_2
        referrer = _REFERRERS[channel] if lands else SITE + "/"
        if referrer:
            values["hs_referrer"] = referrer
        if lands and channel in (2, 3, 4, 5):
            values["hs_utm_source"] = ("adwords", "adwords", "facebook", "linkedin")[channel - 2]
            values["hs_utm_medium"] = "ppc" if channel < 4 else "paid"
            values["hs_utm_campaign"] = name
        rows.append(
            {
                "id": number,
                "eventType": "e_visited_page",
                "occurredAt": at,
                "objectType": "CONTACT",
                "objectId": str(contact),
                "properties": values,
            }
        )
    return rows


def submissions(portal: Portal, positions: Ints) -> list[dict[str, Any]]:
    """Rows of a form's log in the order of the positions."""
    senders = Slice(portal, portal.sender[positions])
    rows: list[dict[str, Any]] = []
    for number, at, email, (first, last), url, page, keeps in zip(
        _uuids(positions, 95),
        portal.sent_at[positions].tolist(),
        senders.emails,
        senders.names,
        senders.first.urls,
        pick(positions, 61, len(_PAGES)).tolist(),
        pick(positions, 97, 2).tolist(),
        strict=True,
    ):
        query = url.partition("?")[2] if keeps else ""
        values = [("email", email), ("firstname", first), ("lastname", last)]
        if page == 3:
            values += [("interests", "pipeline"), ("interests", "forecast")]
        row: dict[str, Any] = {"conversionId": number} if at >= CONVERSION_IDS_SINCE_MS else {}
        row |= {
            "submittedAt": at,
            "values": [{"name": name, "value": value, "objectTypeId": "0-1"} for name, value in values],
            "pageUrl": SITE + _PAGES[page][0] + (f"?{query}" if query else ""),
        }
        rows.append(row)
    return rows


def forms(portal: Portal, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Forms of the asked types."""
    email = {
        "objectTypeId": "0-1",
        "name": "email",
        "label": "Email",
        "required": True,
        "hidden": False,
        "fieldType": "email",
        "validation": {"blockedEmailDomains": [], "useDefaultBlockList": False},
        "dependentFields": [],
    }
    return [
        {
            "formType": FORM_KINDS[form % len(FORM_KINDS)],
            "id": portal.form_guids[form],
            "name": _form_name(form),
            "createdAt": _SETUP,
            "updatedAt": _SETUP,
            "archived": False,
            "fieldGroups": [{"groupType": "default_group", "richTextType": "text", "fields": [email]}],
            "configuration": {"language": "en", "cloneable": True},
            "displayOptions": {"theme": "default_style"},
            "legalConsentOptions": {"type": "none"},
        }
        for form in range(portal.size.forms)
        if FORM_KINDS[form % len(FORM_KINDS)] in kinds
    ]


def pipelines() -> list[dict[str, Any]]:
    """Deal pipelines with their stages."""
    when = {"createdAt": _SETUP, "updatedAt": _SETUP}
    stages = [
        {
            "id": stage,
            "label": label,
            "displayOrder": number,
            "metadata": {"isClosed": str(share in ("0.0", "1.0")).lower(), "probability": share},
            "archived": False,
            **when,
        }
        for number, (stage, label, share) in enumerate(_STAGES)
    ]
    pipeline = {"id": "default", "label": "Sales pipeline", "displayOrder": 0, "archived": False}
    return [{**pipeline, **when, "stages": stages}]


def owners() -> list[dict[str, Any]]:
    """The portal's users."""
    people = (("Ida", "Berg"), ("Tom", "Falk"), ("Una", "Roth"))
    return [
        {
            "id": str(501 + number),
            "email": f"{first}.{last}@grosshandel.example".lower(),
            "firstName": first,
            "lastName": last,
            "userId": 9001 + number,
            "userIdIncludingInactive": 9001 + number,
            "type": "PERSON",
            "teams": [],
            "archived": False,
            "createdAt": _SETUP,
            "updatedAt": _SETUP,
        }
        for number, (first, last) in enumerate(people)
    ]


def exchange_rates() -> list[dict[str, Any]]:
    """Rates into the home currency over two years, newest first."""
    return [
        {
            "id": str(7001 + month * 2 + number),
            "fromCurrencyCode": code,
            "toCurrencyCode": "EUR",
            "conversionRate": round(rate + month * 0.001, 6),
            "effectiveAt": moment,
            "createdAt": moment,
            "updatedAt": moment,
            "visibleInUI": True,
        }
        for month, moment in enumerate(stamps(START_MS + np.arange(23, -1, -1) * 30 * 86_400_000))
        for number, (code, rate) in enumerate((("USD", 0.909091), ("GBP", 1.162791)))
    ]
