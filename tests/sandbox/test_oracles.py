"""HubSpot's own clients page the sandbox as they page HubSpot and find exactly what the company did.

`hubspot-api-client` uses the v3 and v4 paths and refuses answers without their required fields;
`hubspot-sdk` uses the dated paths and is set to validate every answer strictly. Only the host is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import hubspot
import orjson
import pytest
from hubspot.crm.associations import BatchInputPublicObjectId
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.contacts import BatchReadInputSimplePublicObjectId, PublicObjectSearchRequest
from hubspot.crm.lists import ListSearchRequest
from hubspot_sdk import HubSpot

from sandbox.apis.hubspot.schema import PROPERTIES
from sandbox.apis.state import Sandbox
from sandbox.counting.hubspot import contact_touches
from sandbox.serve import build_sandbox
from tests.companies import served

KINDS = ("contacts", "companies", "deals")
FORM_TYPES = ["hubspot", "captured", "flow", "blog_comment"]


@dataclass(frozen=True)
class Portal:
    """A served company and both clients pointed at it."""

    sandbox: Sandbox
    legacy: Any
    dated: HubSpot

    def ids(self, kind: str, *, archived: bool) -> set[str]:
        """What the simulated company has, by the simulation."""
        now, portal = self.sandbox.now, self.sandbox.portal
        contacts = portal.contacts_at(now, archived=archived)
        if kind == "contacts":
            return {contact.id for contact in contacts}
        return set() if archived else {deal.id for deal in portal.deals_at(now)}

    def domains(self) -> set[str]:
        """E-mail domains of everybody who was ever a contact: one company each."""
        contacts = [c for c in self.sandbox.portal.contacts if c.created_at <= self.sandbox.now]
        return {contact.email.partition("@")[2] for contact in contacts}


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    sandbox = build_sandbox(people=150)
    token = sandbox.credentials.hubspot_token
    with served(sandbox) as url:
        address = f"{url}/hubspot"
        dated = HubSpot(access_token=token, base_url=address, max_retries=0, _strict_response_validation=True)
        yield Portal(sandbox, hubspot.Client.create(access_token=token, host=address), dated)


def paged(ask: Callable[..., Any], **arguments: Any) -> list[Any]:
    """Every result of one of the legacy client's `get_page` methods, page by page."""
    rows, after, pages = [], None, 0
    while True:
        answer = ask(**arguments, **({"after": after} if after else {}))
        rows += answer.results
        pages += 1
        after = answer.paging.next.after if answer.paging and answer.paging.next else None
        if after is None:
            assert pages > 1 or len(rows) < 100
            return rows


def assert_same(found: list[str], expected: set[str]) -> None:
    assert len(found) == len(set(found))
    assert set(found) == expected


# -- objects --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("kind", ["contacts", "deals"])
def test_both_clients_list_what_the_company_has(portal: Portal, kind: str, archived: bool) -> None:
    expected = portal.ids(kind, archived=archived)
    assert archived or expected
    api = getattr(portal.legacy.crm, kind).basic_api
    assert_same([row.id for row in paged(api.get_page, limit=20, archived=archived)], expected)
    dated = getattr(portal.dated.crm.objects, kind).list(limit=20, archived=archived)
    assert_same([row.id for row in dated], expected)


def test_both_clients_list_one_company_per_domain(portal: Portal) -> None:
    legacy = paged(portal.legacy.crm.companies.basic_api.get_page, limit=5, properties=["domain"])
    assert_same([row.properties["domain"] for row in legacy], portal.domains())
    dated = list(portal.dated.crm.objects.companies.list(limit=5, properties=["domain"]))
    assert_same([str(row.properties["domain"]) for row in dated], portal.domains())


def test_property_histories_are_parsed_and_end_with_the_value_held(portal: Portal) -> None:
    names = ["hs_latest_source", "lifecyclestage"]
    ask = portal.legacy.crm.contacts.basic_api.get_page
    rows = paged(ask, limit=50, properties=names, properties_with_history=names)
    moved = 0
    for row in rows:
        for name in names:
            entries = row.properties_with_history[name]
            assert entries[0].value == row.properties[name]
            stamps = [entry.timestamp for entry in entries]
            assert stamps == sorted(stamps, reverse=True)
            moved += len(entries) > 1
    assert moved > len(rows) / 4
    dated = portal.dated.crm.objects.contacts.list(limit=50, properties_with_history=names)
    histories = {row.id: row.properties_with_history for row in dated}
    for row in rows:
        entries = (histories[row.id] or {})["lifecyclestage"]
        assert [e.value for e in entries] == [e.value for e in row.properties_with_history["lifecyclestage"]]


@pytest.mark.parametrize("kind", KINDS)
def test_searching_finds_what_listing_does(portal: Portal, kind: str) -> None:
    listed = {row.id for row in paged(getattr(portal.legacy.crm, kind).basic_api.get_page, limit=100)}
    found: list[str] = []
    dated: list[str] = []
    after: str | None = None
    while True:
        request = PublicObjectSearchRequest(
            filter_groups=[],
            sorts=["hs_object_id"],
            properties=["hs_object_id"],
            limit=30,
            after=after or "0",
        )
        answer = getattr(portal.legacy.crm, kind).search_api.do_search(request)
        assert answer.total == len(listed)
        found += [row.id for row in answer.results]
        again = getattr(portal.dated.crm.objects, kind).search(
            filter_groups=[],
            sorts=["hs_object_id"],
            properties=["hs_object_id"],
            limit=30,
            after=after or "0",
        )
        dated += [row.id for row in again.results]
        after = answer.paging.next.after if answer.paging else None
        if after is None:
            break
    assert_same(found, listed)
    assert dated == found


def test_batches_answer_every_id_asked_for(portal: Portal) -> None:
    ids = sorted(portal.ids("contacts", archived=False))[:90]
    inputs = [{"id": i} for i in ids]
    request = BatchReadInputSimplePublicObjectId(
        inputs=inputs, properties=["email"], properties_with_history=[]
    )
    legacy = portal.legacy.crm.contacts.batch_api.read(request)
    assert_same([row.id for row in legacy.results], set(ids))
    dated = portal.dated.crm.objects.contacts.batch.get(
        inputs=[{"id": i} for i in ids], properties=["email"], properties_with_history=[]
    )
    assert_same([row.id for row in dated.results], set(ids))


def test_merging_by_the_client_gives_a_new_id_that_the_old_ones_lead_to() -> None:
    sandbox = build_sandbox(people=60)
    first, second = [contact.id for contact in sandbox.portal.contacts_at(sandbox.now, archived=False)[:2]]
    with served(sandbox) as url:
        address = f"{url}/hubspot"
        client = HubSpot(access_token=sandbox.credentials.hubspot_token, base_url=address)
        merged = client.crm.objects.contacts.merge(primary_object_id=first, object_id_to_merge=second)
        assert merged.id not in (first, second)
        for old in (first, second):
            assert client.crm.objects.contacts.get(contact_id=old).id == merged.id
        listed = [row.id for row in client.crm.objects.contacts.list(limit=100)]
        assert merged.id in listed
        assert not {first, second} & set(listed)


# -- associations ---------------------------------------------------------------------------------------


def expected_deal_contacts(portal: Portal) -> set[tuple[str, str]]:
    live = portal.ids("contacts", archived=False)
    found = set()
    for deal in portal.sandbox.portal.deals_at(portal.sandbox.now):
        for person in deal.opened.people:
            contact = portal.sandbox.portal.contact_of(person, portal.sandbox.now)
            if contact is not None and contact.id in live:
                found.add((deal.id, contact.id))
    return found


def test_association_pages_hold_every_contact_of_a_deal(portal: Portal) -> None:
    expected = expected_deal_contacts(portal)
    deals = sorted(portal.ids("deals", archived=False))
    ask = portal.legacy.crm.associations.v4.basic_api.get_page
    one_by_one = [
        (deal, row.to_object_id)
        for deal in deals
        for row in paged(ask, object_type="deals", object_id=deal, to_object_type="contacts", limit=500)
    ]
    assert len(one_by_one) == len(set(one_by_one))
    assert set(one_by_one) == expected

    def batched(ask_batch: Callable[[list[dict[str, str]]], Any]) -> set[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        waiting = [{"id": deal} for deal in deals]
        while waiting:
            answer = ask_batch(waiting)
            waiting = []
            for row in answer.results:
                source = getattr(row, "from_", None) or row._from
                found += [(source.id, str(to.to_object_id)) for to in row.to]
                if row.paging and row.paging.next:
                    waiting.append({"id": source.id, "after": row.paging.next.after})
        assert len(found) == len(set(found))
        return set(found)

    v4 = portal.legacy.crm.associations.v4.batch_api
    assert expected == batched(
        lambda inputs: v4.get_page("deals", "contacts", BatchInputPublicFetchAssociationsBatchRequest(inputs))
    )
    # text by the specification, mostly numbers on the wire: the strict client wants the former
    portal.sandbox.faults.set("association_ids", {"as": "string"})
    dated = portal.dated.crm.associations.batch
    assert expected == batched(lambda inputs: dated.get("contacts", from_object_type="deals", inputs=inputs))
    portal.sandbox.faults.clear("association_ids")


def test_contacts_are_tied_to_the_company_of_their_domain(portal: Portal) -> None:
    rows = paged(portal.legacy.crm.companies.basic_api.get_page, limit=100, properties=["domain"])
    domains = {row.id: row.properties["domain"] for row in rows}
    contacts = portal.sandbox.portal.contacts_at(portal.sandbox.now, archived=False)
    emails = {contact.id: contact.email for contact in contacts}
    request = BatchInputPublicObjectId(inputs=[{"id": i} for i in emails])
    answer = portal.legacy.crm.associations.batch_api.read("contacts", "companies", request)
    tied = {(row._from.id, to.id) for row in answer.results for to in row.to}
    assert {(i, domains[company]) for i, company in tied} == {
        (i, email.partition("@")[2]) for i, email in emails.items()
    }


# -- forms, events, lists -------------------------------------------------------------------------------


@pytest.mark.parametrize("archived", [False, True])
def test_forms_are_listed_by_type(portal: Portal, archived: bool) -> None:
    api = portal.legacy.marketing.forms.forms_api
    expected = {f.guid for f in portal.sandbox.company.forms if (f.archived_at is not None) is archived}
    # the client parses forms of HubSpot's own type only; the other ones are read as they come
    own = paged(api.get_page, limit=50, archived=archived)
    assert {row.id for row in own} == {
        f.guid for f in portal.sandbox.company.forms if f.guid in expected and f.kind == "hubspot"
    }
    every: list[str] = []
    after: dict[str, str] = {}
    while True:
        asked = {"limit": 50, "archived": archived, "form_types": FORM_TYPES, **after}
        body = orjson.loads(api.get_page(_preload_content=False, **asked).data)
        every += [row["id"] for row in body["results"]]
        if "paging" not in body:
            break
        after = {"after": body["paging"]["next"]["after"]}
    assert_same(every, expected)


def test_events_are_the_page_views_of_known_contacts(portal: Portal) -> None:
    now = portal.sandbox.now
    live = portal.ids("contacts", archived=False)
    views = [e for e in portal.sandbox.portal.page_views if e.known_at <= now and e.contact.id in live]
    expected = {(event.view.id, event.contact.id) for event in views}
    assert len(expected) > 500
    ask = portal.legacy.events.events_api.get_page
    legacy = paged(ask, event_type="e_visited_page", limit=200)
    assert {(row.id, row.object_id) for row in legacy} == expected
    assert len(legacy) == len(expected)
    dated = list(portal.dated.events.occurrences.list(event_type="e_visited_page", limit=1000))
    assert {(row.id, row.object_id) for row in dated} == expected
    one = views[0].contact.id
    of_one = list(portal.dated.events.occurrences.list(object_type="contact", object_id=int(one), limit=20))
    assert {row.id for row in of_one} == {view for view, contact in expected if contact == one}


def came_by(portal: Portal, campaign: str) -> set[str]:
    now, found = portal.sandbox.now, set()
    for contact in portal.sandbox.portal.contacts_at(now, archived=False):
        urls = [touch.url for touch in contact_touches(contact) if touch.known_at <= now]
        if any(parse_qs(url.partition("?")[2]).get("hsa_cam") == [campaign] for url in urls):
            found.add(contact.id)
    return found


def test_lists_name_their_campaign_and_hold_who_came_by_its_ads(portal: Portal) -> None:
    api = portal.legacy.crm.lists
    found: list[Any] = []
    more = True
    while more:
        request = ListSearchRequest(offset=len(found), count=7, additional_properties=["hs_list_size"])
        answer = api.lists_api.do_search(request)
        found += answer.lists
        more = answer.has_more
    assert len(found) == answer.total == len({row.list_id for row in found})
    dated = portal.dated.crm.lists.list_by_search(list_ids=[], offset=0, processing_types=[], count=500)
    assert {row.list_id for row in dated.lists} == {row.list_id for row in found}
    accounts = [a for held in portal.sandbox.company.accounts.values() for a in held]
    campaigns = {c.id: c for account in accounts for c in account.campaigns}
    seen = set()
    for row in found:
        full = api.lists_api.get_by_id(row.list_id, include_filters=True).list
        several = portal.dated.crm.lists.list(list_ids=[row.list_id], include_filters=True).lists
        assert [entry.list_id for entry in several] == [row.list_id]
        members = paged(api.memberships_api.get_page, list_id=row.list_id, limit=20)
        ids = [member.record_id for member in members]
        joined = portal.dated.crm.lists.get_memberships_join_order(row.list_id, limit=20)
        assert {member.record_id for member in joined} == set(ids)
        assert len(ids) == len(set(ids)) == full.size == int(row.additional_properties["hs_list_size"])
        if full.filter_branch is None:
            continue
        assert full.filter_branch.filter_branch_type == "OR"
        (branch,) = several[0].filter_branch.filter_branches
        (rule,) = branch.filters
        if rule.filter_type != "ADS_SEARCH":
            continue
        (term,) = rule.search_terms
        (campaign,) = [i for i, c in campaigns.items() if term in (i, c.name)]
        assert set(ids) == came_by(portal, campaign)
        seen.add(campaign)
    assert seen == campaigns.keys()


# -- settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("archived", [False, True])
def test_owners(portal: Portal, archived: bool) -> None:
    expected = {"504"} if archived else {"501", "502", "503"}
    api = portal.legacy.crm.owners.owners_api
    assert_same([row.id for row in paged(api.get_page, limit=100, archived=archived)], expected)
    assert_same([row.id for row in portal.dated.crm.owners.list(limit=100, archived=archived)], expected)


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_properties(portal: Portal, kind: str, archived: bool) -> None:
    expected = {(p.name, p.custom) for p in PROPERTIES[kind] if p.archived is archived}
    legacy = portal.legacy.crm.properties.core_api.get_all(kind, archived=archived).results
    assert {(row.name, not row.hubspot_defined) for row in legacy} == expected
    dated = portal.dated.crm.properties.list(kind, archived=archived).results
    assert {(row.name, not row.hubspot_defined) for row in dated} == expected


def test_pipelines(portal: Portal) -> None:
    deals = portal.sandbox.portal.deals_at(portal.sandbox.now)
    legacy = portal.legacy.crm.pipelines.pipelines_api.get_all("deals").results
    dated = portal.dated.crm.pipelines.list("deals").results
    stages = {(row.id, stage.id) for row in legacy for stage in row.stages}
    assert stages == {(row.id, stage.id) for row in dated for stage in row.stages}
    assert {(deal.opened.pipeline, deal.opened.stage) for deal in deals} <= stages


def test_campaigns_rates_and_account(portal: Portal) -> None:
    campaigns = list(portal.dated.marketing.campaigns.list(limit=100, properties="hs_name"))
    assert_same([row.properties["hs_name"] for row in campaigns], {
        "Autumn webinar", "Starter kit launch", "Spring newsletter",
    })  # fmt: skip
    currencies = portal.dated.settings.currencies
    rates = list(currencies.exchange_rates.list_exchange_rates(limit=100))
    assert {(row.from_currency_code, row.to_currency_code) for row in rates} == {
        ("USD", "EUR"),
        ("GBP", "EUR"),
    }
    (current,) = currencies.exchange_rates.list_current_exchange_rates().results
    assert current.conversion_rate == pytest.approx(1 / 1.10, abs=1e-6)
    assert portal.dated.account.get().portal_id == portal.sandbox.company.portal_id
