"""What people do in the simulated portal and what its API returns afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.apis.hubspot import changes_of
from sandbox.world.company import DEFAULT_NOW
from tests.sandboxed import Asked

NOW = "2026-11-01T06:00:00Z"
MERGED = ("hs_merged_object_ids", "hs_calculated_merged_vids", "hs_all_contact_vids")


@pytest.fixture
def asked() -> Asked:
    return Asked.small()


def views(asked: Asked, contact: str) -> set[str]:
    return {row["id"] for row in asked.rows("/events/v3/events", objectId=contact, limit=500)}


def submissions(asked: Asked, form: str) -> list[dict[str, Any]]:
    guid = asked.sandbox.company.form(form).guid
    return asked.rows(f"/form-integrations/v1/submissions/forms/{guid}", limit=50)


def busy(asked: Asked, count: int = 3) -> list[str]:
    """Contacts with page views and counted submissions."""
    rows = asked.rows(
        "/crm/v3/objects/contacts",
        limit=100,
        properties="hs_analytics_num_page_views,hs_calculated_form_submissions",
    )
    return [
        row["id"]
        for row in rows
        if int(row["properties"]["hs_analytics_num_page_views"]) > 2
        and row["properties"]["hs_calculated_form_submissions"]
    ][:count]


# -- merging --------------------------------------------------------------------------------------------


def test_a_merger_makes_a_new_record_and_the_old_ids_lead_to_it(asked: Asked) -> None:
    first, second, third = busy(asked)
    before = {
        i: asked.record(i, "email", "num_conversion_events", "favourite_module") for i in (first, second)
    }
    seen = views(asked, first) | views(asked, second)
    (merged,) = asked.do(do="merge", primary=first, secondary=second)["ids"]
    (last,) = asked.do(do="merge", primary=third, secondary=merged)["ids"]

    assert not {first, second, third, merged} & {*asked.ids(), *asked.found()}
    assert last in asked.ids()
    for old in (first, second, third, merged):
        assert asked.record(old)["id"] == last
    batch = {"inputs": [{"id": i} for i in (first, second, last)]}
    assert [r["id"] for r in asked.post("/crm/v3/objects/contacts/batch/read", batch)["results"]] == [last]

    record = asked.record(last, *MERGED, "num_conversion_events")["properties"]
    assert record["hs_merged_object_ids"].split(";") == [third, merged, first, second]
    assert record["hs_all_contact_vids"].split(";") == [last, third, merged, first, second]
    vids = [pair.split(":")[0] for pair in record["hs_calculated_merged_vids"].split(";")]
    assert vids == [third, merged, first, second]
    assert int(record["num_conversion_events"]) > sum(
        int(b["properties"]["num_conversion_events"]) for b in before.values()
    )
    assert seen < views(asked, last)
    assert views(asked, first) == views(asked, last)


def test_a_merged_contact_has_the_primarys_values_and_both_records_history(asked: Asked) -> None:
    first, second, _ = busy(asked)
    asked.do(do="touch", ids=[first], property="favourite_module", value="inbox", tick=60)
    asked.do(do="touch", ids=[second], property="favourite_module", value="reports", tick=60)
    email, other = (asked.record(i, "email")["properties"]["email"] for i in (first, second))
    (merged,) = asked.do(do="merge", primary=first, secondary=second, tick=60)["ids"]
    names = ("email", "hs_additional_emails", "favourite_module")
    record = asked.record(merged, *names, propertiesWithHistory="favourite_module")
    assert record["properties"]["email"] == email
    assert record["properties"]["hs_additional_emails"] == other
    assert record["properties"]["favourite_module"] == "inbox"
    values = {entry["value"] for entry in record["propertiesWithHistory"]["favourite_module"]}
    assert {"inbox", "reports"} <= values


def test_companies_and_deals_merge_too_and_keep_their_associations(asked: Asked) -> None:
    for kind, other in (("deals", "contacts"), ("companies", "contacts")):
        one, two = asked.ids(kind)[:2]
        path = f"/crm/v4/objects/{kind}/{{}}/associations/{other}"
        tied = {row["toObjectId"] for i in (one, two) for row in asked.rows(path.format(i))}
        (merged,) = asked.do(do="merge", type=kind, primary=one, secondary=two)["ids"]
        assert {row["toObjectId"] for row in asked.rows(path.format(merged))} == tied
        properties = asked.record(merged, "hs_merged_object_ids", kind=kind)["properties"]
        assert properties["hs_merged_object_ids"] == f"{one};{two}"
        assert not {one, two} & set(asked.ids(kind))


def test_the_clock_set_back_undoes_what_had_not_happened_yet(asked: Asked) -> None:
    first, second, _ = busy(asked)
    (merged,) = asked.do(do="merge", primary=first, secondary=second, tick=3600)["ids"]
    asked.clock(NOW)
    assert {first, second} <= set(asked.ids())
    assert merged not in asked.ids()


# -- erasing, archiving, restoring ----------------------------------------------------------------------


def test_an_erased_contact_leaves_nothing_behind(asked: Asked) -> None:
    contact = busy(asked)[0]
    email = asked.record(contact, "email")["properties"]["email"]
    form = next(f for f in ("demo", "contact", "guide", "webinar", "newsletter") if sent_by(asked, f, email))
    asked.do(do="erase", id=contact)
    assert contact not in {*asked.ids(), *asked.ids(archived="true"), *asked.found()}
    assert asked.hubspot("GET", f"/crm/v3/objects/contacts/{contact}").status_code == 404
    assert views(asked, contact) == set()
    assert not sent_by(asked, form, email)
    # who comes back after being forgotten is a new contact
    again = asked.do(do="submit", form=form, email=email, tick=60)["ids"]
    assert again != [contact]
    assert len(sent_by(asked, form, email)) == 1


def sent_by(asked: Asked, form: str, email: str) -> list[dict[str, Any]]:
    return [
        row
        for row in submissions(asked, form)
        if email in [value["value"].lower() for value in row["values"] if value["name"] == "email"]
    ]


def test_an_archived_contact_is_listed_apart_until_it_is_restored(asked: Asked) -> None:
    contact = busy(asked)[0]
    asked.do(do="archive", id=contact, tick=5)
    assert contact not in {*asked.ids(), *asked.found()}
    assert contact in asked.ids(archived="true")
    assert asked.record(contact, archived="true")["archivedAt"] == "2026-11-01T06:00:05Z"
    assert views(asked, contact) == set()
    asked.do(do="restore", id=contact, tick=5)
    assert contact in asked.ids()
    assert asked.record(contact)["updatedAt"] == "2026-11-01T06:00:10Z"


def test_the_write_endpoints_do_the_same(asked: Asked) -> None:
    first, second, third = busy(asked)
    body = {"primaryObjectId": first, "objectIdToMerge": second}
    merged = asked.post("/crm/objects/2026-09/contacts/merge", body)["id"]
    assert asked.record(first)["id"] == merged
    assert asked.hubspot("POST", "/crm/v3/objects/contacts/merge", json=body).status_code == 400
    gone = asked.hubspot("POST", "/crm/v3/objects/contacts/gdpr-delete", json={"objectId": merged})
    assert gone.status_code == 204
    assert asked.hubspot("GET", f"/crm/v3/objects/contacts/{first}").status_code == 404
    assert asked.hubspot("DELETE", f"/crm/v3/objects/contacts/{third}").status_code == 204
    assert third in asked.ids(archived="true")


# -- values, forms, associations ------------------------------------------------------------------------


def test_an_import_stamps_many_records_with_one_instant(asked: Asked) -> None:
    touched = asked.do(do="touch", count=40, property="newsletter_topics", value="crm;sales", tick=90)["ids"]
    rows = asked.rows("/crm/v3/objects/contacts", limit=100, properties="newsletter_topics,lastmodifieddate")
    stamped = [r for r in rows if r["properties"]["lastmodifieddate"] == "2026-11-01T06:01:30Z"]
    assert [row["id"] for row in stamped] == touched
    assert {row["properties"]["newsletter_topics"] for row in stamped} == {"crm;sales"}
    since = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "1793512890000"}
    assert asked.found("contacts", since) == touched
    entries = asked.record(touched[0], propertiesWithHistory="newsletter_topics")["propertiesWithHistory"]
    assert entries["newsletter_topics"][0] == {
        "value": "crm;sales",
        "timestamp": "2026-11-01T06:01:30Z",
        "sourceType": "IMPORT",
    }


def test_a_backdated_submission_is_sorted_into_the_log_and_counted(asked: Asked) -> None:
    contact = busy(asked)[0]
    values = asked.record(contact, "email", "num_conversion_events")["properties"]
    before = submissions(asked, "demo")
    sent = asked.do(
        do="submit", form="demo", email=values["email"].upper(), at="2026-09-01T00:00:00Z", tick=1
    )
    after = submissions(asked, "demo")
    assert sent["ids"] == [contact]
    assert after[0] == before[0]
    assert [row["submittedAt"] for row in after] == sorted((r["submittedAt"] for r in after), reverse=True)
    assert {row.get("conversionId") for row in after} - {row.get("conversionId") for row in before} == {
        *sent["conversion_ids"]
    }
    now = asked.record(contact, "num_conversion_events")["properties"]["num_conversion_events"]
    assert int(now) == int(values["num_conversion_events"]) + 1


def test_a_created_contact_is_found_and_tied_to_its_company(asked: Asked) -> None:
    (contact,) = asked.do(
        do="create", properties={"email": "io@fresh-0001.test", "favourite_module": "inbox"}
    )["ids"]
    assert contact in asked.ids()
    assert contact in asked.found()
    (tied,) = asked.rows(f"/crm/v4/objects/contacts/{contact}/associations/companies")
    company = asked.record(str(tied["toObjectId"]), "domain", kind="companies")
    assert company["properties"]["domain"] == "fresh-0001.test"
    assert asked.record(contact, "favourite_module")["properties"]["favourite_module"] == "inbox"


def test_a_renamed_property_keeps_its_label_and_values(asked: Asked) -> None:
    def named(name: str) -> dict[str, Any] | None:
        rows = asked.get("/crm/properties/2026-09/contacts")["results"]
        return next((row for row in rows if row["name"] == name), None)

    before = named("favourite_module")
    held = {r["id"]: r["properties"]["favourite_module"] for r in with_property(asked, "favourite_module")}
    asked.do(do="rename_property", old="favourite_module", new="preferred_module")
    after = named("preferred_module")
    assert before is not None
    assert after is not None
    assert after["label"] == before["label"]
    assert named("favourite_module") is None
    assert {
        r["id"]: r["properties"]["preferred_module"] for r in with_property(asked, "preferred_module")
    } == held
    assert "favourite_module" not in with_property(asked, "favourite_module")[0]["properties"]


def with_property(asked: Asked, name: str) -> list[dict[str, Any]]:
    return asked.rows("/crm/v3/objects/contacts", limit=100, properties=name)


def test_tying_and_parting_change_both_records(asked: Asked) -> None:
    contact, deal = busy(asked)[0], asked.ids("deals")[-1]
    path = f"/crm/v4/objects/deals/{deal}/associations/contacts"
    ends = {"from_type": "contacts", "from_id": contact, "to_type": "deals", "to_id": deal}
    asked.do(do="associate", **ends, tick=10)
    assert int(contact) in [row["toObjectId"] for row in asked.rows(path)]
    assert asked.record(deal, kind="deals")["updatedAt"] == "2026-11-01T06:00:10Z"
    asked.do(do="dissociate", **ends, tick=10)
    assert int(contact) not in [row["toObjectId"] for row in asked.rows(path)]
    assert asked.record(contact)["updatedAt"] == "2026-11-01T06:00:20Z"


def test_a_changed_email_leaves_the_old_one_as_an_additional_one_if_asked(asked: Asked) -> None:
    contact = busy(asked)[0]
    old = asked.record(contact, "email")["properties"]["email"]
    asked.do(do="change_email", id=contact, email="someone.else@tundra-0001.test", keep_old=True)
    values = asked.record(contact, "email", "hs_additional_emails")["properties"]
    assert values["email"] == "someone.else@tundra-0001.test"
    assert values["hs_additional_emails"] == old
    assert asked.do(do="submit", form="demo", email=old)["ids"] == [contact]


def test_a_deleted_form_is_unknown_while_its_submissions_stay_counted(asked: Asked) -> None:
    guid = asked.sandbox.company.form("guide").guid
    counted = [r for r in with_property(asked, "hs_calculated_form_submissions") if holds(r, guid)]
    assert counted
    asked.do(do="delete_form", form="guide")
    path = f"/form-integrations/v1/submissions/forms/{guid}"
    assert asked.hubspot("GET", path).status_code == 404
    every = asked.rows("/marketing/v3/forms", formTypes="hubspot,captured,flow,blog_comment")
    assert guid not in [row["id"] for row in every]
    after = [r for r in with_property(asked, "hs_calculated_form_submissions") if holds(r, guid)]
    assert after == counted


def holds(row: dict[str, Any], guid: str) -> bool:
    return guid in (row["properties"]["hs_calculated_form_submissions"] or "")


# -- while pages are read -------------------------------------------------------------------------------


def test_planned_changes_happen_between_two_pages(asked: Asked) -> None:
    first, second, third = asked.ids()[:3]
    asked.do(do="merge", primary=first, secondary=third, after_requests=1, path="/objects/2026-09/contacts?")
    page = asked.get("/crm/objects/2026-09/contacts", limit=2)
    assert [row["id"] for row in page["results"]] == [first, second]
    following = asked.get("/crm/objects/2026-09/contacts", limit=2, after=page["paging"]["next"]["after"])
    assert third not in [row["id"] for row in following["results"]]
    state = asked.request("GET", "/_sandbox/hubspot").json()
    (merged,) = state["done"][0]["answer"]["ids"]
    assert state["aliases"]["contacts"] == {first: merged, third: merged}
    assert state["pending"] == []


def test_a_changed_row_shifts_the_pages_of_a_search(asked: Asked) -> None:
    body: dict[str, Any] = {"sorts": ["lastmodifieddate"], "limit": 20}
    before = asked.post("/crm/v3/objects/contacts/search", {**body, "limit": 60})["results"]
    first = asked.post("/crm/v3/objects/contacts/search", body)
    asked.do(do="touch", ids=[before[0]["id"]], tick=1)
    second = asked.post(
        "/crm/v3/objects/contacts/search", {**body, "after": first["paging"]["next"]["after"]}
    )
    read = [row["id"] for row in [*first["results"], *second["results"]]]
    # the row that was to come next moved up into the page already read
    assert before[20]["id"] not in read


def test_unknown_operations_and_records_are_refused_in_words(asked: Asked) -> None:
    for operation, word in (
        ({"do": "explode"}, "merge"),
        ({"do": "merge", "primary": "1", "secondary": "2"}, "no live record 1"),
        ({"do": "touch", "property": "shoe_size"}, "shoe_size"),
        ({"do": "submit", "form": "nothing", "email": "a@kestrel-0001.test"}, "demo"),
        ({"do": "archive", "colour": "red"}, "colour"),
        ({"do": "rename_property", "type": "boats", "old": "a", "new": "b"}, "companies"),
        ({"do": "submit", "form": "demo", "email": "a@kestrel-0001.test", "at": "yesterday"}, "yesterday"),
    ):
        answer = asked.request("POST", "/_sandbox/hubspot", json=operation)
        assert answer.status_code == 400
        assert word in answer.json()["error"]


# -- what an incremental reader relies on ---------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 19])
def test_whatever_differs_later_was_modified_since(days: int) -> None:
    asked = Asked.small(people=300)
    crm = changes_of(asked.sandbox).crm
    later = DEFAULT_NOW.replace(day=1 + days)
    before, after = crm.snapshot(DEFAULT_NOW), crm.snapshot(later)
    changed = 0
    for kind, records in after.records.items():
        for object_id, record in records.items():
            old = before.records[kind].get(object_id)
            ties = (before.pairs.get((kind, object_id)), after.pairs.get((kind, object_id)))
            if record.archived_at is None and (
                old is None or old.values != record.values or ties[0] != ties[1]
            ):
                changed += 1
                assert record.updated_at > DEFAULT_NOW, (kind, object_id)
    assert changed > 10
