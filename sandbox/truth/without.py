"""The same people and events without one cause: what HubSpot would have recorded of them.

What people do is the same in all of these worlds; only what HubSpot gets to see of it differs. Causes that
are a rule and no obstacle (an earlier conversion, another ad's click) have no such world: for those in
`ALONE` the event itself is asked instead.

Habits and addresses have a world without them, too, under names that are no code of the contract:
`idle_tab` (forms are sent soon after their page was loaded), `second_click` (nobody clicks an ad twice),
`own_template` (ads with a template of their own carry HubSpot's parameters), `click_id_order` (Google
writes `gclid` before its other parameters) and `imported_template` (Microsoft's ads carry no parameters).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from sandbox.truth.credits import ad_of
from sandbox.world.company import Company, Network
from sandbox.world.journeys import (
    AdClick,
    ContactDeleted,
    ContactErased,
    ContactsMerged,
    Event,
    FormSubmission,
    LeadAdSubmission,
    PageVisit,
)
from sandbox.world.landing import auto_tracking
from sandbox.world.people import Person

#: Causes answered by the event's own session: had there been nothing before it, or no gap in it.
ALONE = ("repeat_submission", "existing_contact", "session_timeout", "later_session")

#: A form sent so long after its page was loaded comes from a tab that was left open.
_LEFT_OPEN = timedelta(minutes=30)
_SENT_SOON = timedelta(minutes=1)

World = tuple[Company, Mapping[int, Person], Sequence[Event]]


def without(
    cause: str, company: Company, people: Mapping[int, Person], events: Sequence[Event]
) -> World | None:
    """The company, its people and what they do without that cause; None where there is no such world."""
    if cause == "no_tracking_code":
        pages = {key: replace(page, hubspot_code=True) for key, page in company.pages.items()}
        return replace(company, pages=pages), people, events
    if cause == "form_context_missing":
        forms = tuple(replace(form, context=True) for form in company.forms)
        return replace(company, forms=forms), people, events
    if cause == "no_tracking_cookie":
        return company, {key: _consenting(person) for key, person in people.items()}, events
    if cause == "filtered_traffic":
        return company, {key: replace(person, internal=False) for key, person in people.items()}, events
    if cause == "lead_not_synced":
        return company, people, [_synced(event) for event in events]
    changed = _EVENTS_WITHOUT.get(cause)
    if changed is not None:
        return company, people, changed(events)
    if cause == "other_device":
        return company, people, [_on_one_device(event, people) for event in events]
    gone = {
        "contact_deleted": ContactDeleted,
        "contact_erased": ContactErased,
        "contact_merged": ContactsMerged,
    }.get(cause)
    if gone is not None:
        return company, people, [event for event in events if not isinstance(event, gone)]
    return None


def _consenting(person: Person) -> Person:
    devices = tuple(
        replace(device, analytics_consent=True, blocks_hubspot=False) for device in person.devices
    )
    return replace(person, devices=devices)


def _synced(event: Event) -> Event:
    if not isinstance(event, LeadAdSubmission) or event.placement.ad is None:
        return event
    form = event.placement.lead_form
    if form is None or not form.unsynced:
        return event
    ad = replace(event.placement.ad, lead_form=replace(form, unsynced=()))
    return replace(event, placement=replace(event.placement, ad=ad))


def _tracked(events: Sequence[Event]) -> list[Event]:
    """Every ad click with HubSpot's parameters."""
    return _readdressed(events, _with_parameters, lambda click: ad_of(click.landing_page_url) is None)


def _without_own_templates(events: Sequence[Event]) -> list[Event]:
    """Clicks on ads with a template of their own, with HubSpot's parameters in its place."""
    return _readdressed(
        events,
        _with_parameters,
        lambda click: click.placement.ad is not None and bool(click.placement.ad.own_template),
    )


def _with_gclid_first(events: Sequence[Event]) -> list[Event]:
    """Clicks on Google's ads with `gclid`, where there is one, before all other parameters."""

    def address(click: AdClick) -> str:
        page, _, query = click.landing_page_url.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        return f"{page}?{urlencode(sorted(pairs, key=lambda pair: pair[0] != 'gclid'))}"

    return _readdressed(events, address, lambda click: click.placement.network is Network.GOOGLE)


def _without_imported_templates(events: Sequence[Event]) -> list[Event]:
    """Visits by Microsoft ads at the bare page, whatever was sent from it too."""

    def bare(url: str) -> str:
        return url.partition("?")[0] if "hsa_src=o" in url else url

    return [
        replace(event, url=bare(event.url))
        if isinstance(event, PageVisit)
        else replace(event, page_url=bare(event.page_url))
        if isinstance(event, FormSubmission)
        else event
        for event in events
    ]


def _sent_soon(events: Sequence[Event]) -> list[Event]:
    """Every form that was sent from a tab left open, a minute after the tab loaded its page."""
    loaded: dict[tuple[int, str, str], datetime] = {}
    waits: dict[tuple[int, str, str], timedelta] = {}
    found: list[Event] = []
    for event in events:
        if isinstance(event, PageVisit):
            key = (event.person, event.device, event.url)
            loaded[key] = event.at
            waits.pop(key, None)
        elif isinstance(event, FormSubmission):
            key = (event.person, event.device, event.page_url)
            since = event.at - loaded.get(key, event.at)
            if since > _LEFT_OPEN:
                # sent again from the same tab, as long after the first time as it was
                waits.setdefault(key, since - _SENT_SOON)
                found.append(replace(event, at=event.at - waits[key]))
                continue
        found.append(event)
    return sorted(found, key=lambda event: (event.at, event.person))


def _clicked_once(events: Sequence[Event]) -> list[Event]:
    """Each person's first click on each ad, without the pages that later ones opened and their forms."""
    clicked: set[tuple[int, tuple[str, str, str, str]]] = set()
    unopened: set[tuple[int, str]] = set()
    found: list[Event] = []
    for event in events:
        if isinstance(event, AdClick) and event.landing_page_url:
            key = (event.person, event.placement.key)
            if key in clicked:
                unopened.add((event.person, event.landing_page_url))
                continue
            clicked.add(key)
        elif isinstance(event, PageVisit | FormSubmission):
            url = event.url if isinstance(event, PageVisit) else event.page_url
            if (event.person, url) in unopened:
                continue
        found.append(event)
    return found


#: Causes that are in the events alone, and the same events without them.
_EVENTS_WITHOUT: Mapping[str, Callable[[Sequence[Event]], list[Event]]] = {
    "auto_tracking_off": _tracked,
    "untrackable_ad_type": _tracked,
    "own_template": _without_own_templates,
    "click_id_order": _with_gclid_first,
    "imported_template": _without_imported_templates,
    "idle_tab": _sent_soon,
    "second_click": _clicked_once,
}


def _readdressed(
    events: Sequence[Event], address: Callable[[AdClick], str], concerns: Callable[[AdClick], bool]
) -> list[Event]:
    """Some clicks at another address, and the pages seen and forms sent at the old one."""
    addresses = {
        event.landing_page_url: address(event)
        for event in events
        if isinstance(event, AdClick) and event.landing_page_url and concerns(event)
    }
    found: list[Event] = []
    for event in events:
        if isinstance(event, AdClick) and event.landing_page_url in addresses:
            found.append(replace(event, landing_page_url=addresses[event.landing_page_url]))
        elif isinstance(event, PageVisit) and event.url in addresses:
            found.append(replace(event, url=addresses[event.url]))
        elif isinstance(event, FormSubmission) and event.page_url in addresses:
            found.append(replace(event, page_url=addresses[event.page_url]))
        else:
            found.append(event)
    return found


def _with_parameters(click: AdClick) -> str:
    page, _, query = click.landing_page_url.partition("?")
    # the network's own parameters stay
    kept = [pair for pair in parse_qsl(query) if not pair[0].startswith(("utm_", "hsa_"))]
    return f"{page}?{urlencode([*auto_tracking(click.placement, 'fb', click.at), *kept])}"


def _on_one_device(event: Event, people: Mapping[int, Person]) -> Event:
    if not isinstance(event, AdClick | PageVisit | FormSubmission) or not people[event.person].devices:
        return event
    first = people[event.person].devices[0].key
    return event if event.device == first else replace(event, device=first)
