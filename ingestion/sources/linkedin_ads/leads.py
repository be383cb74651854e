"""Lead forms and their responses; only the e-mail address of the answers is kept.

https://learn.microsoft.com/en-us/linkedin/marketing/lead-sync/lead-sync-schema
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson

from ingestion.errors import PermissionMissing
from ingestion.http import bodies
from ingestion.landing.arrow import Page
from ingestion.sources.linkedin_ads import settings
from ingestion.sources.linkedin_ads.api import LinkedInAds, account_urn

# the personal e-mail address first, then the one at work
_EMAILS = ("EMAIL", "WORK_EMAIL")
_FORM = re.compile(r"leadGenForm:(\d+),(\d+)\)$")
_KEPT = ("id", "leadType", "submittedAt", "testLead", "leadMetadata", "associatedEntity")


@dataclass
class Leads:
    """The lead forms of one account and their responses.

    `refused`: the token has no permission, so nothing is loaded, with a notice.
    """

    ads: LinkedInAds
    account: str
    refused: bool = False

    @cached_property
    def forms(self) -> list[Page]:
        """Return all forms with their questions."""
        return list(self._pages("leadForms", ""))

    def responses(self, start: datetime, end: datetime) -> Iterator[Page]:
        """Yield sponsored leads submitted from `start` to before `end`, newest first."""
        span = f"(start:{_milliseconds(start)},end:{_milliseconds(end)})"
        listed = [form for page in self.forms for form in _elements(page) if isinstance(form, dict)]
        forms = {str(form.get("id")): form for form in listed}
        emails = {name: _email_questions(form) for name, form in forms.items()}
        for page in self._pages(
            "leadFormResponses", f"&leadType=(leadType:SPONSORED)&submittedAtTimeRange={span}"
        ):
            rows = [lead(row, emails) for row in _elements(page)]
            if unlisted := sorted({row["form"] for row in rows if row and row.get("form")} - forms.keys()):
                self.ads.leave_out(
                    f"forms {unlisted} of {self.account}",
                    f"leads of account {self.account} are loaded without e-mail address, because the account"
                    f" does not list their lead forms {', '.join(unlisted)}",
                )
            yield Page(orjson.dumps({"elements": rows}), page.context)

    def _pages(self, resource: str, parameters: str) -> Iterator[Page]:
        owner = f"(sponsoredAccount:{account_urn(self.account)})"
        path = f"/rest/{resource}?q=owner&owner={owner}{parameters}"
        try:
            for answer in self.ads.by_offset(path, self.account, settings.LEADS):
                yield Page(answer.body, (("account_id", self.account),))
        except PermissionMissing as refusal:
            self.refused = True
            self.ads.leave_out(settings.LEADS, f"lead forms and leads are not loaded: {refusal}")


def _elements(page: Page) -> list[Any]:
    found: list[Any] = bodies.loads(page.body)["elements"]
    return found


def _object(node: Any, *path: str) -> dict[str, Any]:
    """Return the object at a path of fields; an empty one if there is none."""
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def _objects(node: Any, *path: str) -> list[dict[str, Any]]:
    """Return the objects of the list at a path of fields."""
    found = _object(node, *path[:-1]).get(path[-1])
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _email_questions(form: dict[str, Any]) -> list[str]:
    """Return the ids of a form's e-mail questions, the preferred one first."""
    asked = [
        (_EMAILS.index(question["predefinedField"]), str(question.get("questionId")))
        for question in _objects(form, "content", "questions")
        if question.get("predefinedField") in _EMAILS
    ]
    return [question for _, question in sorted(asked)]


def lead(response: Any, emails: Mapping[str, list[str]]) -> Any:
    """Reduce a response to non-personal fields and the answer to the first of its form's `emails` questions.

    Question ids are unique within one form only: in another form the same id may be a question for the name.
    """
    if not isinstance(response, dict):
        return None
    answers = {
        str(answer.get("questionId")): _object(answer, "answerDetails", "textQuestionAnswer")
        for answer in _objects(response, "formResponse", "answers")
    }
    if reason := bodies.mark_of(response):
        # goes to quarantine, without its answers
        return {**{name: response.get(name) for name in _KEPT}, bodies.UNREADABLE: reason}
    form = _FORM.search(str(response.get("versionedLeadGenFormUrn")))
    questions = emails.get(form[1], []) if form else []
    return {
        **{name: response.get(name) for name in _KEPT},
        "form": form[1] if form else None,
        "formVersion": form[2] if form else None,
        "email": next((answers[one].get("answer") for one in questions if one in answers), None),
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
