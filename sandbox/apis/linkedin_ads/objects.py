"""An ad account's objects: campaign groups, campaigns, creatives, posts, conversion rules.

https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads/account-structure/. The landing page of
a text ad stands in its creative, that of sponsored content in the post the creative refers to:
.../advertising-targeting/version/text-ads-integrations and .../community-management/shares/posts-api.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from sandbox.apis.linkedin_ads.common import Row, stamps
from sandbox.counting.hubspot import epoch_ms
from sandbox.world.company import Account, AdGroup, Campaign, Company, Placement, Rule
from sandbox.world.landing import tracking_parameters

ORGANISATION = "urn:li:organization:64200173"
_CREATED = datetime.fromisoformat("2024-05-02T09:00:00+00:00")


def account_urn(account: Account) -> str:
    """The account as a URN."""
    return f"urn:li:sponsoredAccount:{account.id}"


def account_row(account: Account, status: str) -> Row:
    """The account; its id is a number."""
    return {
        "id": int(account.id),
        "name": account.name,
        "type": "BUSINESS",
        "status": status,
        "currency": account.currency,
        "reference": ORGANISATION,
        "test": False,
        "servingStatuses": ["RUNNABLE"],
        "version": {"versionTag": "6"},
        "changeAuditStamps": stamps(_CREATED, _CREATED),
    }


def user_row(account: Account, role: str) -> Row:
    """The token's member in the account."""
    return {
        "account": account_urn(account),
        "role": role,
        "user": "urn:li:person:qZ7x1Nordlicht",
        "changeAuditStamps": stamps(_CREATED, _CREATED),
    }


def group_rows(account: Account, now: datetime) -> list[Row]:
    """Campaign groups."""
    return [
        {
            "id": int(campaign.id),
            "account": account_urn(account),
            "name": campaign.name_at(now),
            "status": "ACTIVE",
            "runSchedule": {"start": epoch_ms(campaign.starts)},
            "servingStatuses": ["RUNNABLE"],
            "test": False,
            "changeAuditStamps": stamps(
                campaign.starts, _changed(campaign, now, campaign.renamed and campaign.renamed[0])
            ),
        }
        for campaign in account.campaigns
    ]


def campaign_rows(account: Account) -> list[Row]:
    """Campaigns."""
    return [
        {
            "id": int(group.id),
            "account": account_urn(account),
            "campaignGroup": f"urn:li:sponsoredCampaignGroup:{campaign.id}",
            "name": group.name,
            "status": "ACTIVE",
            "type": _type(campaign, group),
            "objectiveType": "LEAD_GENERATION" if group.ads[0].lead_form else "WEBSITE_CONVERSION",
            "costType": "CPC",
            "dailyBudget": {"amount": "120.00", "currencyCode": account.currency},
            "unitCost": {"amount": str(campaign.cost_per_click), "currencyCode": account.currency},
            "runSchedule": {"start": epoch_ms(campaign.starts), "end": None},
            "locale": {"country": "DE", "language": "en"},
            "test": False,
            "changeAuditStamps": stamps(campaign.starts, campaign.starts),
        }
        for campaign in account.campaigns
        for group in campaign.groups
    ]


def _type(campaign: Campaign, group: AdGroup) -> str:
    return "TEXT_AD" if group.ads[0].text_ad else campaign.kind


def _changed(campaign: Campaign, now: datetime, *changes: datetime | None) -> datetime:
    """When something of the campaign changed last, of these instants."""
    return max([campaign.starts, *(at for at in changes if at is not None and at <= now)])


def _tracked_from(placement: Placement) -> datetime | None:
    """When HubSpot's parameters were added to the ad's address."""
    since = placement.account.tracked_from
    return since if since is not None and placement.tracks(since) else None


def creative_row(company: Company, placement: Placement, now: datetime) -> Row:
    """A creative; its id is a URN, its stamps are flat milliseconds."""
    _, _, group, ad = placement.key
    at, paused, changed = epoch_ms(placement.campaign.starts), False, placement.campaign.starts
    name = ""
    if placement.ad is not None:
        name, off = placement.ad.name_at(now), placement.ad.paused_at
        paused = off is not None and off <= now
        tracked = _tracked_from(placement) if placement.ad.text_ad else None
        renamed = placement.ad.renamed and placement.ad.renamed[0]
        changed = _changed(placement.campaign, now, off, renamed, tracked)
    content: Row = {"reference": _post_urn(placement)}
    if placement.ad is not None and placement.ad.text_ad:
        text = {"headline": name, "description": "A CRM that keeps its promises"}
        content = {"textAd": {**text, "landingPage": _landing(company, placement, now)}}
    row: Row = {
        "id": f"urn:li:sponsoredCreative:{ad}",
        "campaign": f"urn:li:sponsoredCampaign:{group}",
        "account": account_urn(placement.account),
        "name": name,
        "intendedStatus": "PAUSED" if paused else "ACTIVE",
        "isServing": not paused,
        "content": content,
        "createdAt": at,
        "lastModifiedAt": epoch_ms(changed),
    }
    if placement.lead_form is not None:
        destination = f"urn:li:adForm:{placement.lead_form.id}"
        row["leadgenCallToAction"] = {"destination": destination, "label": "SIGN_UP"}
    return row


def post_rows(company: Company, placements: list[Placement], now: datetime) -> dict[str, Row]:
    """Posts by URN. One that opens a lead form leads nowhere."""
    return {
        _post_urn(placement): _post(company, placement, now)
        for placement in placements
        if placement.ad is not None and not placement.ad.text_ad
    }


def _post(company: Company, placement: Placement, now: datetime) -> Row:
    at, link = epoch_ms(placement.campaign.starts), _landing(company, placement, now)
    name = placement.ad.name if placement.ad else ""
    row: Row = {
        "id": _post_urn(placement),
        "author": ORGANISATION,
        "adContext": {
            "dscAdAccount": account_urn(placement.account),
            "dscAdType": "STANDARD",
            "dscName": name,
            "dscStatus": "ACTIVE",
        },
        "commentary": "A CRM that keeps its promises",
        "visibility": "PUBLIC",
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
        "distribution": {"feedDistribution": "NONE", "thirdPartyDistributionChannels": []},
        "createdAt": at,
        "publishedAt": at,
        "lastModifiedAt": epoch_ms(_changed(placement.campaign, now, _tracked_from(placement))),
    }
    if placement.lead_form is not None:
        return row | {"content": {"media": {"id": "urn:li:image:D4E10A", "title": name}}}
    if "guide" in name.lower():
        return row | {"content": {"article": {"source": link, "title": name}}}
    kind = "video" if "clip" in name.lower() else "image"
    media = {"media": {"id": f"urn:li:{kind}:D4E10A", "title": name}}
    return row | {"content": media, "contentLandingPage": link, "contentCallToActionLabel": "LEARN_MORE"}


def _post_urn(placement: Placement) -> str:
    return f"urn:li:share:{int(placement.key[3]) * 16}"


def _landing(company: Company, placement: Placement, now: datetime) -> str:
    """The ad's address with the parameters that stand on it now."""
    return f"{company.final_url(placement)}?{urlencode(tracking_parameters(placement, '', now))}"


def conversion_row(account: Account, rule: Rule) -> Row:
    """A conversion rule; its stamps are flat milliseconds."""
    at = epoch_ms(account.campaigns[0].starts)
    # the only method that the reference lists; a rule of the Insight Tag has none here
    # (https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/conversions-api-schema)
    method: Row = {"conversionMethod": "CONVERSIONS_API"} if rule.uploaded else {}
    return {
        **method,
        "id": int(rule.id),
        "name": rule.name,
        "account": account_urn(account),
        "type": rule.category,
        "enabled": True,
        "attributionType": rule.attribution,
        "postClickAttributionWindowSize": rule.click_window,
        "viewThroughAttributionWindowSize": rule.view_window,
        "campaigns": [f"urn:li:sponsoredCampaign:{campaign}" for campaign in rule.campaigns],
        "created": at,
        "lastModified": at,
    }
