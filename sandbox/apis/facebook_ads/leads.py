"""Lead forms of the company's page and what was sent in them.

https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving: ad leads name their ad, organic
and test leads do not; a form has one test lead at most, the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sandbox.apis.facebook_ads.common import Row
from sandbox.counting.common import share_of
from sandbox.world.company import Company, LeadForm, Network
from sandbox.world.journeys import LeadAdSubmission
from sandbox.world.people import Person

LAG = timedelta(minutes=1)
_ORGANIC_FROM = datetime(2026, 10, 5, 9, tzinfo=UTC)
_TESTED_AT = datetime(2026, 10, 20, 15, tzinfo=UTC)
_DUMMY = "<test lead: dummy data for {}>"
_QUESTIONS = (("email", "EMAIL", "Email"), ("full_name", "FULL_NAME", "Full name"))


@dataclass(frozen=True, slots=True)
class _Sent:
    """One submission: by a person from an ad, by somebody who found the form on the page, or a test."""

    at: datetime
    form: LeadForm
    email: str
    full_name: str
    submission: LeadAdSubmission | None = None
    test: bool = False


class Leads:
    """Everything sent in the pages' forms by `now`; `pages` holds the page of each form."""

    def __init__(
        self,
        company: Company,
        people: Mapping[int, Person],
        events: list[LeadAdSubmission],
        now: datetime,
        *,
        pages: Mapping[str, str],
        organic: int,
        test: int,
    ) -> None:
        self.now = now
        self._pages = pages
        self.forms = {
            placement.lead_form.id: placement.lead_form
            for placement in company.placements
            if placement.network is Network.FACEBOOK and placement.lead_form is not None
        }
        sent = [
            _Sent(
                event.at,
                event.placement.lead_form,
                event.email,
                _DUMMY.format("full_name") if event.test else _name(people[event.person]),
                None if event.organic or event.test else event,
                event.test,
            )
            for event in events
            if event.placement.lead_form is not None
        ]
        for form in self.forms.values():
            for number in range(organic):
                at = _ORGANIC_FROM + timedelta(days=3 * number)
                who = f"organic.{number}.{form.id}"
                sent.append(_Sent(at, form, f"{who}@visitor.test", f"Organic {number}"))
            if test:
                sent.append(_Sent(_TESTED_AT, form, "test@fb.com", _DUMMY.format("full_name"), test=True))
        sent.sort(key=lambda one: (one.at, one.form.id, one.email))
        known = [(f"{7_730_000_000_000 + n}", one) for n, one in enumerate(sent) if one.at + LAG <= now]
        tests = {one.form.id: lead for lead, one in known if one.test}
        self._sent = [(lead, one) for lead, one in known if not one.test or tests[one.form.id] == lead]

    def form_rows(self, page: str | None = None) -> list[Row]:
        """The forms of a page, or of all pages."""
        rows = []
        for form in self.forms.values():
            if page not in (None, self._pages[form.id]):
                continue
            own = [one for _, one in self._sent if one.form is form]
            rows.append(
                {
                    "id": form.id,
                    "name": form.name,
                    "status": "ACTIVE",
                    "locale": "en_US",
                    "created_time": "2026-05-12T08:00:00+0000",
                    "leads_count": len(own),
                    "organic_leads_count": sum(one.submission is None for one in own),
                    "page_id": self._pages[form.id],
                    "questions": [
                        {"id": f"{form.id}{n}", "key": key, "type": kind, "label": label}
                        for n, (key, kind, label) in enumerate(_QUESTIONS, start=1)
                    ],
                }
            )
        return rows

    def rows(self, node: str, days: int) -> list[Row]:
        """Leads of a form or an ad that are kept still, newest first."""
        oldest = self.now - timedelta(days=days)
        return [
            _row(lead, one, self.now)
            for lead, one in reversed(self._sent)
            if one.at >= oldest and node in (one.form.id, _ad(one))
        ]


def _ad(one: _Sent) -> str | None:
    return one.submission.placement.key[3] if one.submission else None


def _row(lead: str, one: _Sent, now: datetime) -> Row:
    row: Row = {
        "id": lead,
        "created_time": one.at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "form_id": one.form.id,
        "is_organic": one.submission is None,
        "platform": "ig" if share_of(f"platform{lead}") < 0.25 else "fb",
        "field_data": [
            {"name": "email", "values": [one.email]},
            {"name": "full_name", "values": [one.full_name]},
        ],
    }
    if one.submission is not None:
        campaign, group, ad = (
            one.submission.placement.campaign,
            one.submission.placement.group,
            one.submission.placement.ad,
        )
        row |= {"campaign_id": campaign.id, "campaign_name": campaign.name_at(now)}
        row |= {"adset_id": group.id, "adset_name": group.name} if group else {}
        row |= {"ad_id": ad.id, "ad_name": ad.name_at(now)} if ad else {}
    return row


def _name(person: Person) -> str:
    return f"{person.first_name} {person.last_name}"
