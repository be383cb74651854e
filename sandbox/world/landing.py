"""The address an ad click lands on: the page, the tracking parameters on the ad, the network's click id.

Parameters as HubSpot's auto-tracking writes them; on LinkedIn `hsa_cam` is the campaign group and `hsa_grp`
the campaign (https://knowledge.hubspot.com/ads/ad-tracking-in-hubspot).
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from sandbox.world.company import Company, Network, Placement

_CLICK_ID = {Network.GOOGLE: "gclid", Network.FACEBOOK: "fbclid", Network.LINKEDIN: "li_fat_id"}


def tracking_parameters(placement: Placement, site_source: str, at: datetime) -> list[tuple[str, str]]:
    """What HubSpot's auto-tracking adds to this ad's address; without it the advertiser's own utm_*."""
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


def landing_url(
    company: Company, placement: Placement, click_id: str, at: datetime, site_source: str = "fb"
) -> str:
    """The full landing URL of one click; of a redirect's parameters only the click id arrives."""
    parameters = [] if placement.final_path else tracking_parameters(placement, site_source, at)
    parameters.append((_CLICK_ID[placement.network], click_id))
    return f"{company.pages[placement.landing].url}?{urlencode(parameters)}"
