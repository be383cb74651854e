"""Set the company up: its accounts, pages and forms, as tidy as the profile says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sandbox.world import accounts, second_accounts, site
from sandbox.world.company import (
    ADS_START,
    HORIZON,
    PER_EURO,
    Account,
    Ad,
    Campaign,
    Company,
    LeadForm,
    Network,
    Page,
    placements_of,
)
from sandbox.world.profiles import Plants, Profile

#: In the middle of the simulated time: what lapses, lapses then.
LAPSED_FROM = datetime(2026, 9, 28, 8, tzinfo=UTC)
#: Pasted into an ad's final URL from another network's ad before that one had a campaign.
STALE_QUERY = "hsa_acc=4471290863&hsa_cam=&hsa_net=adwords"


def build_company(
    currencies: dict[str, str] | None = None, profile: Profile | None = None, plants: Plants | None = None
) -> Company:
    """The company, with other currencies of the first accounts where `currencies` names them by network.

    Raises:
        ValueError: a network, currency, page, lead form or account nobody knows.
    """
    profile, plants = profile or Profile(), plants or Plants()
    chosen = dict.fromkeys(Network, "EUR")
    for name, currency in (currencies or {}).items():
        if name not in set(Network) or currency not in PER_EURO:
            raise ValueError(
                f"--currency {name}={currency}: networks {list(map(str, Network))}, {list(PER_EURO)}"
            )
        chosen[Network(name)] = currency
    several = profile.several_accounts
    found = {
        Network.GOOGLE: [accounts.google(chosen[Network.GOOGLE]), *([second_accounts.google()] * several)],
        Network.FACEBOOK: [
            accounts.facebook(chosen[Network.FACEBOOK]),
            *([second_accounts.facebook()] * several),
        ],
        Network.LINKEDIN: [
            accounts.linkedin(chosen[Network.LINKEDIN]),
            *([second_accounts.linkedin()] * several),
        ],
    }
    kept = {
        network: tuple(_as_kept(account, profile, plants) for account in found[network])
        for network in Network
    }
    company = Company(
        portal_id=24817530,
        portal_time_zone="Europe/Berlin",
        company_currency="EUR",
        forms=tuple(
            form if profile.oddities else replace(form, context=True)
            for form in site.forms(with_campaigns=several)
        ),
        pages={
            key: _as_built(page, profile, plants) for key, page in site.pages(with_campaigns=several).items()
        },
        accounts=kept,
        daily_rates=profile.late_closings > 0,
        placements=tuple(p for held in kept.values() for account in held for p in placements_of(account)),
    )
    _check(company, plants)
    return company


def _check(company: Company, plants: Plants) -> None:
    known = {
        "code": (plants.pages, set(company.pages)),
        "lead-sync": (plants.lead_forms, {p.lead_form.id for p in company.placements if p.lead_form}),
        "auto-tracking": (plants.accounts, {p.account.id for p in company.placements}),
    }
    for name, (asked, found) in known.items():
        if unknown := asked - found:
            raise ValueError(f"--plant {name}={min(unknown)}: one of {', '.join(sorted(found))}")


def _as_built(page: Page, profile: Profile, plants: Plants) -> Page:
    """The page with or without HubSpot's tracking code."""
    lost = page.key in profile.pages_without_code or page.key in plants.pages
    return replace(page, hubspot_code=(page.hubspot_code or not profile.oddities) and not lost)


def _as_kept(account: Account, profile: Profile, plants: Plants) -> Account:
    """The account as well kept as the profile says."""

    @cache
    def lead_form(form: LeadForm | None) -> LeadForm | None:
        if form is None:
            return None
        gaps = form.unsynced if profile.oddities else ()
        if form.id in profile.lapsed_lead_forms:
            gaps += ((LAPSED_FROM, HORIZON),)
        if form.id in plants.lead_forms:
            gaps = ((ADS_START, HORIZON),)
        return replace(form, unsynced=gaps)

    def ad(one: Ad) -> Ad:
        tidy: dict[str, Any] = (
            {} if profile.oddities else {"auto_tracked": True, "redirect": "", "own_template": ""}
        )
        if one.id in profile.stale_parameters:
            tidy["stale_query"] = STALE_QUERY
        return replace(one, lead_form=lead_form(one.lead_form), **tidy)

    def campaign(one: Campaign) -> Campaign:
        groups = tuple(
            replace(group, ads=tuple(map(ad, group.ads)))
            for group in one.groups
            if profile.own_templates or group.id not in second_accounts.FURTHER_GROUPS
        )
        return replace(one, groups=groups)

    last_click: dict[str, Any] = {} if profile.data_driven else {"model": "GOOGLE_ADS_LAST_CLICK"}
    tracked = account.tracked_from if profile.oddities else None
    if account.id in profile.late_tracking:
        tracked = LAPSED_FROM
    if account.id in plants.accounts:
        tracked = HORIZON
    return replace(
        account,
        campaigns=tuple(map(campaign, account.campaigns)),
        rules=tuple(
            replace(rule, **last_click)
            for rule in account.rules
            if profile.conversions_api or not rule.uploaded or account.network is Network.GOOGLE
        ),
        tracked_from=tracked,
    )
