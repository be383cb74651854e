"""The same people and events without one cause: what HubSpot would have recorded of them.

What people do is the same in all of these worlds; only what HubSpot gets to see of it differs. Causes that
are a rule and no obstacle (an earlier conversion, another ad's click) have no such world: for those in
`ALONE` the event itself is asked instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from sandbox.truth.credits import ad_of
from sandbox.world.company import Company
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

Told = tuple[Company, Mapping[int, Person], Sequence[Event]]


def without(
    cause: str, company: Company, people: Mapping[int, Person], events: Sequence[Event]
) -> Told | None:
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
    if cause in ("auto_tracking_off", "untrackable_ad_type"):
        return company, people, _tracked(events)
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
    """Every ad click with HubSpot's parameters, and the pages seen and forms sent at that address."""
    addresses = {
        event.landing_url: _with_parameters(event)
        for event in events
        if isinstance(event, AdClick) and event.landing_url and ad_of(event.landing_url) is None
    }
    found: list[Event] = []
    for event in events:
        if isinstance(event, AdClick) and event.landing_url in addresses:
            found.append(replace(event, landing_url=addresses[event.landing_url]))
        elif isinstance(event, PageVisit) and event.url in addresses:
            found.append(replace(event, url=addresses[event.url]))
        elif isinstance(event, FormSubmission) and event.page_url in addresses:
            found.append(replace(event, page_url=addresses[event.page_url]))
        else:
            found.append(event)
    return found


def _with_parameters(click: AdClick) -> str:
    page, _, query = click.landing_url.partition("?")
    # the network's own parameters stay
    kept = [pair for pair in parse_qsl(query) if not pair[0].startswith(("utm_", "hsa_"))]
    return f"{page}?{urlencode([*auto_tracking(click.placement, 'fb', click.at), *kept])}"


def _on_one_device(event: Event, people: Mapping[int, Person]) -> Event:
    if not isinstance(event, AdClick | PageVisit | FormSubmission) or not people[event.person].devices:
        return event
    first = people[event.person].devices[0].key
    return event if event.device == first else replace(event, device=first)
