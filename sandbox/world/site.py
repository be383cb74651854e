"""The company's web site: its pages and the forms on them."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.world.company import APP, PROMO, SHOP, SITE, Form, Page


def pages(*, with_campaigns: bool) -> dict[str, Page]:
    """The pages by key; `with_campaigns`: those that were made for campaigns of the second accounts, too."""
    found = [
        Page("home", "71000001", f"{SITE}/", "Nordlicht CRM"),
        Page("product", "71000002", f"{SITE}/product", "The product"),
        Page("pricing", "71000003", f"{SITE}/pricing", "Pricing"),
        Page("blog-pipeline", "71000004", f"{SITE}/blog/pipeline-hygiene", "Pipeline hygiene"),
        Page("blog-consent", "71000005", f"{SITE}/blog/consent-in-practice", "Consent in practice"),
        Page("blog-forecast", "71000006", f"{SITE}/blog/forecasting", "Forecasting", form="comment"),
        Page("demo", "71000010", f"{SITE}/demo", "Request a demo", form="demo"),
        Page("contact", "71000011", f"{SITE}/contact", "Contact us", form="contact"),
        Page("guide", "71000012", f"{SITE}/guide", "The buyer's guide", form="guide"),
        Page("webinar", "71000013", f"{SITE}/webinar", "Autumn webinar", form="webinar"),
        Page("newsletter", "71000014", f"{SITE}/newsletter", "Newsletter", form="newsletter"),
        Page("kit", "71000020", f"{SHOP}/starter-kit", "Starter kit"),
        Page("thanks", "71000021", f"{SHOP}/checkout/thank-you", "Thank you for your order"),
        Page("signup", "71000030", f"{APP}/signup", "Start your trial", hubspot_code=False),
    ]
    if with_campaigns:
        found += [
            Page("offer", "71000040", f"{PROMO}/offer", "The spring offer", form="offer", hubspot_code=False),
            Page("roadshow", "71000041", f"{SITE}/roadshow", "Roadshow", form="roadshow"),
        ]
    return {page.key: page for page in found}


def forms(*, with_campaigns: bool) -> tuple[Form, ...]:
    """The forms HubSpot receives; the roadshow's are sent by an agency's server."""

    def on(year: int, month: int, day: int) -> datetime:
        return datetime(year, month, day, 9, 30, tzinfo=UTC)

    usual = (
        Form("demo", "Demo request", "hubspot", on(2025, 3, 3)),
        Form("contact", "Contact us", "hubspot", on(2025, 3, 4)),
        Form("guide", "Buyer's guide", "hubspot", on(2025, 6, 11)),
        Form("webinar", "Webinar registration", "captured", on(2026, 5, 20)),
        Form("newsletter", "Newsletter pop-up", "flow", on(2025, 4, 1)),
        Form("comment", "Blog comment", "blog_comment", on(2025, 4, 2)),
        Form("call-back", "Call-back request", "hubspot", on(2025, 3, 5), archived_at=on(2026, 2, 1)),
    )
    if not with_campaigns:
        return usual
    return (
        *usual,
        Form("offer", "Spring offer", "hubspot", on(2026, 4, 20)),
        Form("roadshow", "Roadshow registration", "hubspot", on(2026, 6, 1), context=False),
    )
