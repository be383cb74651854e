"""Lead gen forms with their questions, and the responses, which name questions by number only.

https://learn.microsoft.com/en-us/linkedin/marketing/lead-sync/lead-sync-schema
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sandbox.apis.linkedin_ads.common import Row
from sandbox.apis.linkedin_ads.objects import account_urn
from sandbox.counting.hubspot import epoch_ms
from sandbox.counting.linkedin import LAG
from sandbox.world.company import Account, LeadForm, Placement, guid
from sandbox.world.journeys import LeadAdSubmission
from sandbox.world.people import Person

_CREATED = datetime(2026, 5, 18, 8, tzinfo=UTC)
_TESTED_AT = datetime(2026, 10, 21, 10, tzinfo=UTC)
_QUESTIONS = (
    ("First name", "FIRST_NAME"),
    ("Last name", "LAST_NAME"),
    ("Work email", "EMAIL"),
    ("Team size", None),
)
_SIZES = ("1-10", "11-50", "51+")


def _question_id(form: LeadForm, number: int) -> int:
    return number * 100_000_000 + int(form.id)


def _text(text: str) -> Row:
    return {"localized": {"en_US": text}}


def forms_of(placements: list[Placement]) -> dict[str, LeadForm]:
    """The account's forms by id."""
    return {p.lead_form.id: p.lead_form for p in placements if p.lead_form is not None}


def form_row(account: Account, form: LeadForm) -> Row:
    """A form; one question is the advertiser's own and has choices."""
    questions = []
    for number, (name, predefined) in enumerate(_QUESTIONS, start=1):
        row: Row = {
            "questionId": _question_id(form, number),
            "name": name,
            "question": _text(name),
            "responseEditable": True,
            "responseRequired": predefined is not None,
        }
        if predefined is None:
            options = [{"id": n, "text": _text(size)} for n, size in enumerate(_SIZES, start=1)]
            row["questionDetails"] = {"multipleChoiceQuestionDetails": {"options": options}}
        else:
            row["predefinedField"] = predefined
            row["questionDetails"] = {"textQuestionDetails": {"maxResponseLength": 300}}
        questions.append(row)
    return {
        "id": int(form.id),
        "versionId": 1,
        "name": form.name,
        "owner": {"sponsoredAccount": account_urn(account)},
        "state": "PUBLISHED",
        "creationLocale": {"country": "US", "language": "en"},
        "content": {
            "headline": _text(form.name),
            "description": _text("We will be in touch"),
            "questions": questions,
            "legalInfo": {"privacyPolicyUrl": "https://www.nordlicht.example/privacy", "consents": []},
            "postSubmissionInfo": {"message": _text("Thank you")},
        },
        "hiddenFields": [{"name": "utm_source", "value": "linkedin"}],
        "created": epoch_ms(_CREATED),
        "lastModified": epoch_ms(_CREATED),
    }


class Responses:
    """What was sent in an account's forms, newest first."""

    def __init__(
        self,
        placements: list[Placement],
        people: Mapping[int, Person],
        events: list[LeadAdSubmission],
        now: datetime,
    ) -> None:
        self.placements, self.people, self.now = placements, people, now
        self._sent = [event for event in events if event.at + LAG <= now]

    def rows(self, *, days: int, tests: int, only_tests: bool) -> list[Row]:
        """Responses of the last `days` days; that many test leads per form among them, or only those."""
        oldest = self.now - timedelta(days=days)
        found = []
        for event in self._sent:
            if only_tests and not event.test:
                continue
            person = self.people[event.person]
            member, names = event.person, (person.first_name, person.last_name)
            lead = guid("linkedin-lead", event.person, event.at)
            if event.test:
                # LinkedIn's test tool is nobody
                member, names = -1, ("Test", "Lead")
                lead = guid("linkedin-test-lead", *event.placement.key, event.at)
            row = _row(lead, event.placement, event.at, (*names, event.email), member)
            found.append((event.at, row | {"testLead": event.test}))
        for form in forms_of(self.placements).values():
            placement = next(p for p in self.placements if p.lead_form is form)
            for number in range(tests):
                at = _TESTED_AT + timedelta(hours=number)
                answers = ("Test", "Lead", f"test.lead.{number}@linkedin.test")
                row = _row(guid("linkedin-test-lead", form.id, number), placement, at, answers, number)
                found.append((at, row | {"testLead": True}))
        kept = [(at, row) for at, row in found if oldest <= at <= self.now - LAG]
        return [row for _, row in sorted(kept, key=lambda one: (one[0], one[1]["id"]), reverse=True)]


def _row(lead: str, placement: Placement, at: datetime, answers: tuple[str, ...], member: int) -> Row:
    form, (_, _, campaign, creative) = placement.lead_form, placement.key
    if form is None:
        raise ValueError(f"creative {creative} opens no form")
    given: list[Row] = [
        {"questionId": _question_id(form, n), "answerDetails": {"textQuestionAnswer": {"answer": text}}}
        for n, text in enumerate(answers, start=1)
    ]
    choice = {"multipleChoiceAnswer": {"options": [member % len(_SIZES) + 1]}}
    given.append({"questionId": _question_id(form, len(_QUESTIONS)), "answerDetails": choice})
    return {
        "id": f"{lead}-4",
        "leadType": "SPONSORED",
        "owner": {"sponsoredAccount": account_urn(placement.account)},
        "versionedLeadGenFormUrn": f"urn:li:versionedLeadGenForm:(urn:li:leadGenForm:{form.id},1)",
        "submittedAt": epoch_ms(at),
        "submitter": f"urn:li:person:{guid('member', member)[:8]}",
        "testLead": False,
        "leadMetadata": {"sponsoredLeadMetadata": {"campaign": f"urn:li:sponsoredCampaign:{campaign}"}},
        "associatedEntity": {"associatedCreative": f"urn:li:sponsoredCreative:{creative}"},
        "formResponse": {"answers": given, "consentResponses": []},
    }
