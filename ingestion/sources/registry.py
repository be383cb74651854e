"""The sources, one registration each."""

from __future__ import annotations

from ingestion.sources.facebook_ads import doctor as facebook_doctor
from ingestion.sources.facebook_ads import settings as facebook_settings
from ingestion.sources.facebook_ads import source as facebook_ads
from ingestion.sources.google_ads import doctor as google_doctor
from ingestion.sources.google_ads import settings as google_settings
from ingestion.sources.google_ads import source as google_ads
from ingestion.sources.hubspot import doctor as hubspot_doctor
from ingestion.sources.hubspot import settings as hubspot_settings
from ingestion.sources.hubspot import source as hubspot
from ingestion.sources.landing_pages import settings as landing_pages_settings
from ingestion.sources.landing_pages import source as landing_pages
from ingestion.sources.linkedin_ads import doctor as linkedin_doctor
from ingestion.sources.linkedin_ads import settings as linkedin_settings
from ingestion.sources.linkedin_ads import source as linkedin_ads
from ingestion.sources.protocol import Network, Source

_REGISTERED: tuple[Source, ...] = (
    Source("HubSpot's CRM, forms and event APIs", "hubspot", hubspot, hubspot_settings, hubspot_doctor),
    Network("The Google Ads API", "google", google_ads, google_settings, google_doctor),
    Network("Meta's Marketing API", "facebook", facebook_ads, facebook_settings, facebook_doctor),
    Network(
        "LinkedIn's Marketing and Lead Sync APIs",
        "linkedin",
        linkedin_ads,
        linkedin_settings,
        linkedin_doctor,
        unsettled_days=linkedin_ads.unsettled_days,
    ),
    # last, because it reads tables that the other sources landed
    Source(
        "The public landing pages of ads and forms",
        "html",
        landing_pages,
        landing_pages_settings,
        is_enabled=landing_pages_settings.is_enabled,
        reads_first=tuple((origin.source, origin.table) for origin in landing_pages_settings.ORIGINS),
    ),
)
#: Registration by name, in the order of loading.
SOURCES = {source.name: source for source in _REGISTERED}


def source(name: str) -> Source:
    """Return a registration. Raises ValueError for an unknown source."""
    if name not in SOURCES:
        raise ValueError(f"unknown source {name}: one of {', '.join(SOURCES)}")
    return SOURCES[name]
