"""One ad account's objects as of the clock: campaigns, ad sets, ads, creatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sandbox.apis.facebook_ads.common import Row
from sandbox.world.company import Account, AdGroup, Campaign, Company, LeadForm, Network, Placement
from sandbox.world.landing import tracking_parameters

PAGE_ID = "104477120093311"
#: Owns the last lead form where a switch says so
SECOND_PAGE_ID = "108800245517620"
_PIXEL_ID = "771204418830912"
#: Currencies without minor units. https://developers.facebook.com/docs/marketing-api/currencies
_WHOLE = {"JPY"}
_CLOSED = 101


@dataclass(frozen=True)
class Pages:
    """The page of every lead form, and which of an account's objects name pages."""

    of_forms: dict[str, str]
    in_ad_sets: bool = True
    in_creatives: bool = True

    def of(self, form: LeadForm | None) -> str:
        """The page of an ad with that lead form, or with none."""
        return PAGE_ID if form is None else self.of_forms[form.id]


def pages_of_forms(company: Company, *, second: bool) -> dict[str, str]:
    """The page that owns each lead form: one, or the last form another."""
    own = (p.lead_form for p in company.placements if p.network is Network.FACEBOOK)
    forms = sorted({form.id for form in own if form is not None})
    return {form: SECOND_PAGE_ID if second and form == forms[-1] else PAGE_ID for form in forms}


@dataclass(frozen=True)
class Objects:
    """The account and what it holds at `now`; `status` is its `account_status`."""

    company: Company
    account: Account
    placements: list[Placement]
    now: datetime
    status: int
    pages: Pages

    @property
    def zone(self) -> ZoneInfo:
        """The account's time zone."""
        return ZoneInfo(self.account.time_zone)

    def account_row(self) -> Row:
        """The account itself."""
        account = self.account
        offset = self.now.astimezone(self.zone).utcoffset() or timedelta()
        return {
            "id": f"act_{account.id}",
            "account_id": account.id,
            "name": account.name,
            "currency": account.currency,
            "timezone_name": account.time_zone,
            "timezone_offset_hours_utc": offset // timedelta(hours=1),
            "account_status": _CLOSED if account.closed else self.status,
            "business_name": "Nordlicht",
        }

    def rows(self, edge: str) -> list[Row]:
        """All objects of an edge, whatever their status."""
        build: dict[str, Callable[[], list[Row]]] = {
            "campaigns": self._campaigns,
            "adsets": self._ad_sets,
            "ads": self._ads,
            "adcreatives": self._creatives,
        }
        return build[edge]()

    def effective_status(self, placement: Placement, level: str) -> str:
        """An object's status, its parents' taken into account."""
        campaign = self._campaign_status(placement.campaign)
        if level == "ad" and self.is_deleted(placement):
            return "DELETED"
        if campaign == "ACTIVE" and level == "ad" and self.is_paused(placement):
            return "PAUSED"
        return campaign if level == "campaign" else "ACTIVE" if campaign == "ACTIVE" else "ARCHIVED"

    def is_deleted(self, placement: Placement) -> bool:
        """Whether the ad is gone by now."""
        ad = placement.ad
        return ad is not None and ad.deleted_at is not None and ad.deleted_at <= self.now

    def is_paused(self, placement: Placement) -> bool:
        """Whether the ad is switched off by now."""
        ad = placement.ad
        return ad is not None and ad.paused_at is not None and ad.paused_at <= self.now

    def _when(self, at: datetime) -> str:
        return at.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M:%S%z")

    def _campaign_status(self, campaign: Campaign) -> str:
        return "ARCHIVED" if campaign.status == "ARCHIVED" and campaign.ends <= self.now else "ACTIVE"

    def _times(self, campaign: Campaign, *changes: datetime | None) -> Row:
        archived = self._campaign_status(campaign) == "ARCHIVED"
        known = [at for at in changes if at is not None and at <= self.now]
        updated = max(campaign.ends if archived else campaign.starts, campaign.starts, *known)
        return {"created_time": self._when(campaign.starts), "updated_time": self._when(updated)}

    def _campaigns(self) -> list[Row]:
        return [
            {
                "id": campaign.id,
                "account_id": self.account.id,
                "name": campaign.name_at(self.now),
                "objective": campaign.kind,
                "status": self._campaign_status(campaign),
                "effective_status": self._campaign_status(campaign),
                "buying_type": "AUCTION",
                "special_ad_categories": [],
                "start_time": self._when(campaign.starts),
                "stop_time": self._when(campaign.ends) if campaign.status == "ARCHIVED" else None,
                **self._times(campaign, campaign.renamed and campaign.renamed[0]),
            }
            for campaign in self.account.campaigns
        ]

    def _ad_sets(self) -> list[Row]:
        rows = []
        for campaign in self.account.campaigns:
            for group in campaign.groups:
                rows.append(
                    {
                        "id": group.id,
                        "account_id": self.account.id,
                        "campaign_id": campaign.id,
                        "campaign": {"id": campaign.id},
                        "name": group.name,
                        "status": "ACTIVE",
                        "effective_status": "ACTIVE"
                        if self._campaign_status(campaign) == "ACTIVE"
                        else "ARCHIVED",
                        "attribution_spec": attribution_spec(group, self.now),
                        "promoted_object": self._promoted(group),
                        "optimization_goal": "OFFSITE_CONVERSIONS",
                        "billing_event": "IMPRESSIONS",
                        "daily_budget": "50" if self.account.currency in _WHOLE else "5000",
                        "start_time": self._when(campaign.starts),
                        **self._times(campaign, group.rewindowed and group.rewindowed[0]),
                    }
                )
        return rows

    def _promoted(self, group: AdGroup) -> Row:
        """A page for lead ads, a pixel otherwise.

        https://developers.facebook.com/docs/marketing-api/reference/ad-promoted-object
        """
        form = next((ad.lead_form for ad in group.ads if ad.lead_form is not None), None)
        if form is not None and self.pages.in_ad_sets:
            return {"page_id": self.pages.of(form)}
        return {"pixel_id": _PIXEL_ID, "custom_event_type": "LEAD"}

    def _ads(self) -> list[Row]:
        rows = []
        for placement in self.placements:
            campaign, group, ad = placement.campaign, placement.group, placement.ad
            if group is None or ad is None:
                continue
            status = "PAUSED" if self.is_paused(placement) else "ACTIVE"
            rows.append(
                {
                    "id": ad.id,
                    "account_id": self.account.id,
                    "campaign_id": campaign.id,
                    "campaign": {"id": campaign.id},
                    "adset_id": group.id,
                    "adset": {"id": group.id},
                    "name": ad.name_at(self.now),
                    "status": "DELETED" if self.is_deleted(placement) else status,
                    "effective_status": self.effective_status(placement, "ad"),
                    "creative": {"id": creative_id(ad.id)},
                    **self._times(campaign, ad.deleted_at, ad.paused_at, ad.renamed and ad.renamed[0]),
                }
            )
        return rows

    def _page(self, form: LeadForm | None) -> Row:
        return {"page_id": self.pages.of(form)} if self.pages.in_creatives else {}

    def _speaker(self, form: LeadForm | None, ad: str) -> Row:
        """The identity of the creative: page and Instagram account: https://developers.facebook.com/docs/marketing-api/reference/ad-creative."""
        if not self.pages.in_creatives:
            return {}
        page = self.pages.of(form)
        return {"actor_id": page, "effective_object_story_id": f"{page}_{ad}"}

    def _creatives(self) -> list[Row]:
        """The ads' creatives; they keep their names when ads are renamed."""
        rows = []
        for placement in self.placements:
            ad = placement.ad
            if ad is None:
                continue
            link = self.company.final_url(placement)
            if ad.stale_query:
                link = f"{link}?{ad.stale_query}"
            action: Row = {"type": "LEARN_MORE", "value": {"link": link}}
            if ad.lead_form is not None:
                link = "https://fb.me/"
                action = {"type": "SIGN_UP", "value": {"link": link, "lead_gen_form_id": ad.lead_form.id}}
            rows.append(
                {
                    "id": creative_id(ad.id),
                    "account_id": self.account.id,
                    "name": ad.name,
                    "status": "ACTIVE",
                    "url_tags": _url_tags(placement, self.now),
                    **self._speaker(ad.lead_form, ad.id),
                    **_content(ad.name, link, action, self._page(ad.lead_form)),
                }
            )
        return rows


def _content(name: str, link: str, action: Row, page: Row) -> Row:
    """A video, a carousel, assets that Meta combines, or a picture with a link."""
    if "clip" in name.lower() or "video" in name.lower():
        video = {"video_id": "770011", "title": name, "call_to_action": action}
        return {"object_type": "VIDEO", "object_story_spec": {**page, "video_data": video}}
    data: Row = {"link": link, "name": name, "call_to_action": action}
    if "carousel" in name.lower():
        data["child_attachments"] = [{"link": link, "name": f"{name} {n}"} for n in (1, 2, 3)]
        data["multi_share_optimized"] = True
    if name == "Contact":
        feed = {
            "titles": [{"text": name}, {"text": "Talk to us"}],
            "bodies": [{"text": "A CRM that keeps its promises"}],
            "link_urls": [{"website_url": link, "display_url": ""}],
            "call_to_action_types": [action["type"]],
            "ad_formats": ["SINGLE_IMAGE"],
        }
        return {"object_type": "SHARE", "object_story_spec": {**page}, "asset_feed_spec": feed}
    return {"object_type": "SHARE", "object_story_spec": {**page, "link_data": data}}


def creative_id(ad_id: str) -> str:
    """The creative of an ad."""
    return str(int(ad_id) + 50_000)


def attribution_spec(group: AdGroup, at: datetime) -> list[Row]:
    """The ad set's windows at an instant."""
    click, view = group.windows(at)
    spec: list[Row] = [{"event_type": "CLICK_THROUGH", "window_days": click}]
    if view:
        spec.append({"event_type": "VIEW_THROUGH", "window_days": view})
    return spec


def attribution_setting(placement: Placement, level: str, at: datetime) -> str:
    """The one setting of everything below an object, or `mixed`."""
    groups = (
        [placement.group] if level in ("adset", "ad") and placement.group else list(placement.campaign.groups)
    )
    settings = set()
    for group in groups:
        click, view = group.windows(at)
        settings.add(f"{click}d_click" + (f"_{view}d_view" if view else ""))
    return settings.pop() if level != "account" and len(settings) == 1 else "mixed"


def _url_tags(placement: Placement, at: datetime) -> str:
    """The ad's parameters with Meta's own placeholders, as HubSpot writes them into the ad."""
    dynamic = {
        "utm_campaign": "{{campaign.name}}",
        "hsa_cam": "{{campaign.id}}",
        "hsa_grp": "{{adset.id}}",
        "hsa_ad": "{{ad.id}}",
        "hsa_src": "[SITE_SOURCE_NAME]",
    }
    tracked = placement.tracks(at)
    parameters = tracking_parameters(placement, "fb", at)
    return "&".join(f"{n}={dynamic.get(n, v) if tracked else quote(v)}" for n, v in parameters)
