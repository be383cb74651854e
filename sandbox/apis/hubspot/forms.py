"""Forms of all types and their submissions.

https://developers.hubspot.com/docs/api-reference/marketing-forms-v3/guide; submissions: forms v1.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from sandbox.apis.hubspot.common import Endpoint, flag, limit, names, not_found, sliced
from sandbox.apis.hubspot.records import Crm
from sandbox.counting.hubspot import Submission, epoch_ms, stamp
from sandbox.world.company import Form

MAX_PAGE = 1000
MAX_SUBMISSIONS = 50
_EMAIL = {
    "objectTypeId": "0-1",
    "name": "email",
    "label": "Email",
    "required": True,
    "hidden": False,
    "fieldType": "email",
    "validation": {"blockedEmailDomains": [], "useDefaultBlockList": False},
    "dependentFields": [],
}


class Forms:
    """The form endpoints. Forms of lead ads are not listed, and their submissions are not served."""

    def __init__(self, crm: Crm) -> None:
        self.crm = crm
        self.sandbox = crm.sandbox

    def endpoints(self) -> list[Endpoint]:
        """The routes; submissions have no dated one."""
        return [
            Endpoint("GET", "/marketing/v3/forms", self.listing, _scope),
            Endpoint("GET", "/marketing/forms/{version}", self.listing, _scope),
            Endpoint("GET", "/marketing/v3/forms/{id}", self.one, _scope),
            Endpoint("GET", "/marketing/forms/{version}/{id}", self.one, _scope),
            Endpoint("GET", "/form-integrations/v1/submissions/forms/{form}", self.submissions, _scope),
        ]

    def rows(self) -> list[dict[str, Any]]:
        """The forms there are now, archived ones included."""
        return self.sandbox.cached("hubspot-forms", self._told)

    def _told(self) -> list[dict[str, Any]]:
        now, fates = self.sandbox.now, self.crm.form_fates
        rows = []
        for form in self.sandbox.company.forms:
            deleted, archived = fates.get(form.guid, (None, None))
            if form.created_at > now or (deleted is not None and deleted <= now):
                continue
            gone = [at for at in (form.archived_at, archived) if at is not None and at <= now]
            rows.append(_form(form) | ({"archived": True, "archivedAt": stamp(min(gone))} if gone else {}))
        return rows

    async def listing(self, request: Request) -> dict[str, Any]:
        """Forms of the asked types, live or archived; only HubSpot's own type by default."""
        kinds, archived = names(request, "formTypes") or ["hubspot"], flag(request, "archived")
        rows = [row for row in self.rows() if row["formType"] in kinds and row["archived"] is archived]
        return sliced(request, rows, min(limit(request, 50, MAX_PAGE), self.sandbox.caps.hubspot_forms))

    async def one(self, request: Request) -> dict[str, Any]:
        """One form."""
        for row in self.rows():
            if row["id"] == request.path_params["id"] and row["archived"] is flag(request, "archived"):
                return row
        raise not_found(request, f"No form found with guid {request.path_params['id']}")

    async def submissions(self, request: Request) -> dict[str, Any]:
        """A form's log, newest first; offsets shift when new submissions arrive."""
        form = request.path_params["form"]
        if all(row["id"] != form for row in self.rows()):
            raise not_found(request, f"No form found with guid {form}")
        size = limit(request, 20, MAX_SUBMISSIONS)
        rows = self.sandbox.cached(
            f"hubspot-submissions-{form}", lambda: [_submission(row) for row in self.log(form)]
        )
        return sliced(request, rows, size)

    def log(self, form: str) -> list[Submission]:
        """What was sent in a form, newest first, without erased contacts'."""
        now, erased = self.sandbox.now, self.crm.erased_emails
        rows = [
            row
            for row in self.sandbox.portal.submissions[form]
            if (row.known_at or row.at) <= now
            and not any(at <= now and (row.known_at or row.at) <= at for at in erased.get(row.email, ()))
        ]
        return sorted(rows, key=lambda row: row.at, reverse=True)


def _scope(_: Request) -> tuple[str, ...]:
    return ("forms",)


def _form(form: Form) -> dict[str, Any]:
    return {
        "formType": form.kind,
        "id": form.guid,
        "name": form.name,
        "createdAt": stamp(form.created_at),
        "updatedAt": stamp(form.archived_at or form.created_at),
        "archived": False,
        "fieldGroups": [{"groupType": "default_group", "richTextType": "text", "fields": [_EMAIL]}],
        "configuration": {
            "language": "en",
            "cloneable": True,
            "editable": True,
            "archivable": True,
            "recaptchaEnabled": False,
            "notifyContactOwner": False,
            "notifyRecipients": [],
            "createNewContactForNewEmail": False,
            "prePopulateKnownValues": True,
            "allowLinkToResetKnownValues": False,
            "postSubmitAction": {"type": "thank_you", "value": "Thank you."},
        },
        "displayOptions": {
            "renderRawHtml": False,
            "theme": "default_style",
            "submitButtonText": "Submit",
            "style": {
                "fontFamily": "arial, helvetica, sans-serif",
                "backgroundWidth": "100%",
                "labelTextColor": "#33475b",
                "labelTextSize": "14px",
                "helpTextColor": "#7C98B6",
                "helpTextSize": "11px",
                "legalConsentTextColor": "#33475b",
                "legalConsentTextSize": "14px",
                "submitColor": "#ff7a59",
                "submitAlignment": "left",
                "submitFontColor": "#ffffff",
                "submitSize": "12px",
            },
        },
        "legalConsentOptions": {"type": "none"},
    }


def _submission(row: Submission) -> dict[str, Any]:
    body: dict[str, Any] = {
        "submittedAt": epoch_ms(row.at),
        "values": [{"name": name, "value": value, "objectTypeId": "0-1"} for name, value in row.values],
        "pageUrl": row.page_url,
    }
    if row.conversion_id is not None:
        body = {"conversionId": row.conversion_id, **body}
    return body
