"""The address an ad click lands on: the page, the tracking parameters on the ad, the network's click id.

Parameters as HubSpot's auto-tracking writes them; on LinkedIn `hsa_cam` is the campaign group and `hsa_grp`
the campaign (https://knowledge.hubspot.com/ads/ad-tracking-in-hubspot).
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from urllib.parse import urlencode

from sandbox.world.company import Company, Network, Placement

_CLICK_ID = {Network.GOOGLE: "gclid", Network.FACEBOOK: "fbclid", Network.LINKEDIN: "li_fat_id"}


def tracking_parameters(placement: Placement, site_source: str, at: datetime) -> list[tuple[str, str]]:
    """What HubSpot's auto-tracking adds to this ad's address; without it the advertiser's own utm_*."""
    if placement.ad is not None and placement.ad.own_template:
        return [
            ("utm_source", "google"),
            ("utm_medium", "demandgen"),
            ("utm_campaign", placement.campaign.name_at(at)),
            ("utm_content", placement.ad.name_at(at)),
        ]
    if not placement.tracks(at):
        medium = "video" if placement.network is Network.GOOGLE else "social-ad"
        return [
            ("utm_source", placement.network.split("_")[0]),
            ("utm_medium", medium),
            ("utm_campaign", placement.campaign.name_at(at)),
        ]
    return auto_tracking(placement, site_source, at)


def auto_tracking(placement: Placement, site_source: str, at: datetime) -> list[tuple[str, str]]:
    """HubSpot's parameters for this ad; a synced lead has them whether or not its clicks do."""
    campaign, group, ad = placement.campaign, placement.group, placement.ad
    grp, ad_id = (group.id if group else ""), (ad.id if ad else "")
    name = campaign.name_at(at)
    hsa = [("hsa_acc", placement.account.id), ("hsa_cam", campaign.id), ("hsa_grp", grp), ("hsa_ad", ad_id)]
    if placement.network is Network.GOOGLE:
        keyword = group.keyword if group else ""
        letter = {"SEARCH": "g", "PERFORMANCE_MAX": "x"}.get(campaign.kind, "d")
        target = f"kwd-{int(grp) % 10**9}" if keyword else ""
        return [
            ("utm_term", keyword),
            ("utm_campaign", name),
            ("utm_source", "adwords"),
            ("utm_medium", "ppc"),
            *hsa,
            ("hsa_src", letter),
            ("hsa_tgt", target),
            ("hsa_kw", keyword),
            ("hsa_mt", "p" if keyword else ""),
            ("hsa_net", "adwords"),
            ("hsa_ver", "3"),
        ]
    if placement.network is Network.FACEBOOK:
        return [
            ("utm_campaign", name),
            ("utm_source", "facebook"),
            ("utm_medium", "paid"),
            *hsa,
            ("hsa_src", site_source),
            ("hsa_net", "facebook"),
            ("hsa_ver", "3"),
        ]
    return [
        ("utm_campaign", name),
        ("utm_source", "linkedin"),
        ("utm_medium", "paid"),
        *hsa,
        ("hsa_net", "linkedin"),
        ("hsa_ver", "3"),
    ]


def landing_page_url(
    company: Company,
    placement: Placement,
    click_id: str,
    at: datetime,
    site_source: str = "fb",
    google_ids: tuple[str, ...] = ("gclid",),
) -> str:
    """The full landing URL of one click; of a redirect's parameters only the click id arrives.

    `google_ids`: the parameters that Google's auto-tagging adds to its ads' addresses, in their order.
    """
    parameters = [] if placement.final_path else tracking_parameters(placement, site_source, at)
    if placement.network is Network.GOOGLE:
        parameters += [(name, _google_value(name, placement, click_id)) for name in google_ids]
    else:
        parameters.append((_CLICK_ID[placement.network], click_id))
    stale = f"{placement.ad.stale_query}&" if placement.ad and placement.ad.stale_query else ""
    return f"{company.pages[placement.landing].url}?{stale}{urlencode(parameters)}"


#: How Google writes its ads' addresses since 2025, with the share of clicks of each kind (an assumption):
#: `gad_campaignid` on all (https://support.google.com/google-ads/answer/16193746); `gbraid` beside `gclid`,
#: before it; `wbraid` in its place on iOS (https://support.google.com/google-ads/answer/10417364).
ADDRESSES_OF_TODAY = (
    (("gad_source", "gad_campaignid", "gbraid", "gclid"), 0.70),
    (("gad_source", "gad_campaignid", "gclid"), 0.27),
    (("gad_source", "gad_campaignid", "wbraid"), 0.03),
)


def _google_value(name: str, placement: Placement, click_id: str) -> str:
    if name == "gclid":
        return click_id
    if name == "gad_campaignid":
        return placement.campaign.id
    if name == "gad_source":
        # one number per kind of place; which one stands for which is an assumption
        return "1" if placement.campaign.kind in ("SEARCH", "SMART") else "5"
    head = "0AAAAA" if name == "gbraid" else "Cj4KC"
    return head + sha256(f"{name}{click_id}".encode()).hexdigest()[:24]
