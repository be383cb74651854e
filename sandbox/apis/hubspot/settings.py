"""What is set up in the portal: properties, pipelines, owners, account, currencies, marketing campaigns.

https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide and its siblings; currencies:
https://developers.hubspot.com/docs/api-reference/latest/account/settings/multicurrency/guide.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request

from sandbox.apis.hubspot.common import Endpoint, flag, limit, names, not_found, sliced
from sandbox.apis.hubspot.objects import object_type
from sandbox.apis.hubspot.records import Crm
from sandbox.apis.hubspot.schema import SINGULAR, Property
from sandbox.counting.hubspot import exchange_rates, stamp
from sandbox.world.company import guid

SETUP = "2025-03-01T08:00:00Z"
_STAGES = {
    "default": (
        ("appointmentscheduled", "Appointment scheduled", "0.2"),
        ("qualifiedtobuy", "Qualified to buy", "0.4"),
        ("contractsent", "Contract sent", "0.9"),
        ("closedwon", "Closed won", "1.0"),
        ("closedlost", "Closed lost", "0.0"),
    ),
    "88120417": (
        ("1730011", "Introduced", "0.2"),
        ("1730012", "Scoped", "0.5"),
        ("1730013", "Offer sent", "0.8"),
        ("1730014", "Signed", "1.0"),
        ("1730015", "Declined", "0.0"),
    ),
}
_PIPELINES = {"default": "Sales pipeline", "88120417": "Partner pipeline"}
#: number, first name, last name, whether the user left
_OWNERS = (
    (1, "Ida", "Berg", False),
    (2, "Tom", "Falk", False),
    (3, "Una", "Roth", False),
    (4, "Max", "Ohm", True),
)
_CAMPAIGNS = (
    ("Autumn webinar", "webinar-autumn", "2026-08-17", "in_progress"),
    ("Starter kit launch", "starter-kit", "2026-06-15", "in_progress"),
    ("Spring newsletter", "newsletter", "2026-03-02", "completed"),
)


class Settings:
    """The settings endpoints."""

    def __init__(self, crm: Crm) -> None:
        self.crm = crm
        self.sandbox = crm.sandbox

    def endpoints(self) -> list[Endpoint]:
        """The routes; dated and v3 ones."""
        found = [
            Endpoint("GET", "/account-info/v3/details", self.account),
            Endpoint("GET", "/account-info/{version}/details", self.account),
        ]
        for stem in ("/crm/v3/properties/{type}", "/crm/properties/{version}/{type}"):
            found += [
                Endpoint("GET", stem, self.properties, _schema_scope),
                Endpoint("GET", f"{stem}/{{property}}", self.one_property, _schema_scope),
            ]
        for stem in ("/crm/v3/pipelines/{type}", "/crm/pipelines/{version}/{type}"):
            found.append(Endpoint("GET", stem, self.pipelines, _schema_scope))
        for stem in ("/crm/v3/owners", "/crm/owners/{version}"):
            found.append(Endpoint("GET", stem, self.owners, _owners_scope))
        for stem in ("/settings/v3/currencies", "/settings/currencies/{version}"):
            found += [
                Endpoint("GET", f"{stem}/exchange-rates", self.rates, _currencies_scope),
                Endpoint("GET", f"{stem}/exchange-rates/current", self.current_rates, _currencies_scope),
                Endpoint("GET", f"{stem}/company-currency", self.currency, _currencies_scope),
            ]
        for stem in ("/marketing/v3/campaigns", "/marketing/campaigns/{version}"):
            found += [
                Endpoint("GET", stem, self.campaigns, _campaigns_scope),
                Endpoint("GET", f"{stem}/{{id}}", self.one_campaign, _campaigns_scope),
            ]
        return found

    # -- properties and pipelines -----------------------------------------------------------------------

    def _definitions(self, request: Request) -> list[dict[str, Any]]:
        kind, archived = object_type(request, request.path_params["type"]), flag(request, "archived")
        found = self.crm.definitions(kind).values()
        return [_definition(definition) for definition in found if definition.archived is archived]

    async def properties(self, request: Request) -> dict[str, Any]:
        """The property dictionary of a type: live ones, or archived ones only."""
        return {"results": self._definitions(request)}

    async def one_property(self, request: Request) -> dict[str, Any]:
        """One property."""
        for definition in self._definitions(request):
            if definition["name"] == request.path_params["property"]:
                return definition
        raise not_found(request, f"Property {request.path_params['property']} does not exist")

    async def pipelines(self, request: Request) -> dict[str, Any]:
        """Pipelines with their stages."""
        if object_type(request, request.path_params["type"]) != "deals":
            return {"results": []}
        when = {"createdAt": SETUP, "updatedAt": SETUP}
        return {
            "results": [
                {
                    "id": pipeline,
                    "label": _PIPELINES[pipeline],
                    "displayOrder": order,
                    "archived": False,
                    **when,
                    "stages": [
                        {
                            "id": stage,
                            "label": label,
                            "displayOrder": number,
                            "metadata": {
                                "isClosed": "true" if probability in ("0.0", "1.0") else "false",
                                "probability": probability,
                            },
                            "archived": False,
                            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
                            **when,
                        }
                        for number, (stage, label, probability) in enumerate(stages)
                    ],
                }
                for order, (pipeline, stages) in enumerate(_STAGES.items())
            ]
        }

    # -- owners and account -----------------------------------------------------------------------------

    async def owners(self, request: Request) -> dict[str, Any]:
        """The portal's users; those who left only under `archived=true`."""
        archived = flag(request, "archived")
        rows: list[dict[str, Any]] = [
            {
                "id": str(500 + number),
                "email": f"{first}.{last}@nordlicht.example".lower(),
                "firstName": first,
                "lastName": last,
                "userIdIncludingInactive": 9000 + number,
                "type": "PERSON",
                "teams": [{"id": "71", "name": "Sales", "primary": True}] if number == 1 else [],
                "archived": left,
                "createdAt": SETUP,
                "updatedAt": SETUP,
                **({} if left else {"userId": 9000 + number}),
            }
            for number, first, last, left in _OWNERS
            if left is archived
        ]
        return sliced(request, rows, min(limit(request, 100, 500), self.sandbox.caps.hubspot_owners))

    async def account(self, _: Request) -> dict[str, Any]:
        """Account details."""
        company = self.sandbox.company
        local = self.sandbox.now.astimezone(ZoneInfo(company.portal_time_zone))
        offset = local.utcoffset() or timedelta()
        minutes = offset // timedelta(minutes=1)
        return {
            "portalId": company.portal_id,
            "accountType": "STANDARD",
            "timeZone": company.portal_time_zone,
            "companyCurrency": company.company_currency,
            "additionalCurrencies": ["USD"],
            "utcOffset": f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
            "utcOffsetMilliseconds": offset // timedelta(milliseconds=1),
            "uiDomain": "app-eu1.hubspot.com",
            "dataHostingLocation": "eu1",
        }

    # -- currencies -------------------------------------------------------------------------------------

    def _rates(self) -> list[dict[str, Any]]:
        """Rates into the company currency by the day each took effect; the pound was dropped again."""
        rows: list[dict[str, Any]] = []
        for currency, at, value in exchange_rates(self.sandbox.company):
            if at <= self.sandbox.now:
                rows.append(
                    {
                        "id": str(91_000 + len(rows)),
                        "fromCurrencyCode": currency,
                        "toCurrencyCode": self.sandbox.company.company_currency,
                        "conversionRate": float(value),
                        "effectiveAt": stamp(at),
                        "createdAt": stamp(at),
                        "updatedAt": stamp(at),
                        "visibleInUI": currency != "GBP",
                    }
                )
        return rows

    async def rates(self, request: Request) -> dict[str, Any]:
        """Every exchange rate there was, paged."""
        wanted = request.query_params.get("fromCurrencyCode")
        rows = [row for row in self._rates() if wanted in (None, row["fromCurrencyCode"])]
        return sliced(request, rows, min(limit(request, 100, 100), self.sandbox.caps.hubspot_rates))

    async def current_rates(self, _: Request) -> dict[str, Any]:
        """The rate in force of every currency shown."""
        return {
            "results": list({r["fromCurrencyCode"]: r for r in self._rates() if r["visibleInUI"]}.values())
        }

    async def currency(self, _: Request) -> dict[str, Any]:
        """The company currency."""
        return {"id": self.sandbox.company.company_currency, "createdAt": SETUP, "updatedAt": SETUP}

    # -- marketing campaigns ----------------------------------------------------------------------------

    def _campaigns(self, request: Request) -> list[dict[str, Any]]:
        asked = names(request, "properties")
        return [
            {
                "id": guid("campaign", utm),
                "properties": {
                    key: value
                    for key, value in {
                        "hs_name": name,
                        "hs_utm": utm,
                        "hs_start_date": day,
                        "hs_campaign_status": status,
                    }.items()
                    if key in asked
                },
                "createdAt": f"{day}T08:00:00Z",
                "updatedAt": f"{day}T08:00:00Z",
                "businessUnits": [{"id": 0}],
            }
            for name, utm, day, status in _CAMPAIGNS
            if f"{day}T08:00:00Z" <= stamp(self.sandbox.now)
        ]

    async def campaigns(self, request: Request) -> dict[str, Any]:
        """Campaigns with the properties asked for and no others."""
        rows = self._campaigns(request)
        size = min(limit(request, 50, 100), self.sandbox.caps.hubspot_campaigns)
        return {"total": len(rows), **sliced(request, rows, size)}

    async def one_campaign(self, request: Request) -> dict[str, Any]:
        """One campaign."""
        for row in self._campaigns(request):
            if row["id"] == request.path_params["id"]:
                return {**row, "assets": {}}
        raise not_found(request, "Campaign not found")


def _definition(definition: Property) -> dict[str, Any]:
    return {
        "name": definition.name,
        "label": definition.label,
        "type": definition.type,
        "fieldType": definition.field_type,
        "description": "",
        "groupName": definition.group,
        "options": [
            {
                "label": value.replace("_", " ").capitalize(),
                "value": value,
                "displayOrder": place,
                "hidden": False,
            }
            for place, value in enumerate(definition.options)
        ],
        "displayOrder": -1,
        "calculated": definition.calculated,
        "externalOptions": False,
        "hasUniqueValue": definition.name in ("email", "hs_object_id"),
        "hidden": False,
        "hubspotDefined": not definition.custom,
        "formField": definition.custom,
        "dataSensitivity": "non_sensitive",
        "archived": definition.archived,
        "createdAt": SETUP,
        "updatedAt": SETUP,
        **({"archivedAt": "2026-02-01T09:30:00Z"} if definition.archived else {}),
        "modificationMetadata": {
            "archivable": definition.custom,
            "readOnlyDefinition": not definition.custom,
            "readOnlyValue": definition.calculated,
        },
    }


def _schema_scope(request: Request) -> tuple[str, ...]:
    kind = {**{name: kind for kind, name in SINGULAR.items()}}.get(
        request.path_params["type"], request.path_params["type"]
    )
    return (f"crm.schemas.{kind}.read", f"crm.objects.{kind}.read")


def _owners_scope(_: Request) -> tuple[str, ...]:
    return ("crm.objects.owners.read",)


def _currencies_scope(_: Request) -> tuple[str, ...]:
    return ("settings.currencies.read", "multi-currency-read")


def _campaigns_scope(_: Request) -> tuple[str, ...]:
    return ("marketing.campaigns.read",)
