"""The company's web site: its pages, the redirects in front of them, and pages that misbehave.

`/pages/<host>/<path>` is what `https://<host>/<path>` answers. Snippets as HubSpot and Google print them:
https://knowledge.hubspot.com/reports/install-the-hubspot-tracking-code,
https://developers.hubspot.com/docs/cms/start-building/features/forms/legacy-forms,
https://developers.google.com/tag-platform/tag-manager/web.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from itertools import count
from urllib.parse import urlencode, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.apis.state import Sandbox
from sandbox.world.company import APP, CAMPAIGNS, PROMO, SHOP, SITE, Company, Page, guid

OTHER_PORTAL = 9_430_118

_SLOW_SECONDS = 60
_HUGE_PIECE = b"<p>" + b"light " * 10_000 + b"</p>"
_HUGE_PIECES = (1 << 30) // len(_HUGE_PIECE) + 1
_ROBOTS = "User-agent: *\nDisallow: /internal/\nDisallow: /*/preview$\n"
#: How a site can refuse to be fetched: by its robots.txt, by a bot wall, or because the pages are gone since.
REFUSALS = ("robots", "forbidden", "gone")
_REFUSED = {"forbidden": 403, "gone": 410}


def hosts() -> tuple[str, ...]:
    """The hosts that are served."""
    return tuple(urlsplit(site).netloc for site in (SITE, SHOP, APP, CAMPAIGNS, PROMO))


def build_app(sandbox: Sandbox) -> Starlette:
    """All hosts of the company, by path."""
    company = sandbox.company
    pages = {page.url: page for page in company.pages.values()}
    site = urlsplit(SITE).netloc
    answers = count(1)

    async def page(request: Request) -> Response:
        host, path = request.path_params["host"], "/" + request.path_params["path"]
        if host not in hosts():
            return PlainTextResponse("no such host", status_code=404)
        if path == "/robots.txt":
            closed = sandbox.pages_refuse == "robots"
            return PlainTextResponse("User-agent: *\nDisallow: /\n" if closed else _ROBOTS)
        if sandbox.pages_refuse in _REFUSED:
            return _html("<h1>Not for you</h1>", status=_REFUSED[sandbox.pages_refuse])
        if host == urlsplit(CAMPAIGNS).netloc:
            return _campaign(request, path)
        found = pages.get(f"https://{host}{path}")
        if found is None:
            return _html("<h1>Not found</h1>", status=404)
        # only the www site remembers what it sent: the others answer in full every time
        return _page(request, company, found, next(answers), with_etag=host == site)

    def _campaign(request: Request, path: str) -> Response:
        query = request.url.query
        name = path.strip("/")
        if name in company.pages:
            return RedirectResponse(f"{company.pages[name].url}?{query}".rstrip("?"), 302)
        kept = urlencode(
            [item for item in request.query_params.multi_items() if not item[0].startswith(("hsa_", "utm_"))]
        )
        answers_by_name: dict[str, Callable[[], Response]] = {
            # a shortener that forwards the click id and nothing else
            "short": lambda: RedirectResponse(f"{company.pages['guide'].url}?{kept}".rstrip("?"), 301),
            "chain": lambda: RedirectResponse(f"/demo?{query}".rstrip("?"), 307),
            "loop": lambda: RedirectResponse("/loop/again", 302),
            "loop/again": lambda: RedirectResponse("/loop", 302),
            "refresh": lambda: _html(
                f'<meta http-equiv="refresh" content="0; url={company.pages["demo"].url}"><p>One moment.</p>'
            ),
            "partner": lambda: _html(
                f"<h1>Partners</h1>{_tracking_code(OTHER_PORTAL)}{_embedded(OTHER_PORTAL, guid('partner'))}"
            ),
            "internal/preview": lambda: _html(f"<h1>Preview</h1>{_tracking_code(company.portal_id)}"),
            "slow": lambda: StreamingResponse(_dripping(), media_type="text/html"),
            "huge": lambda: StreamingResponse(_huge(), media_type="text/html"),
            "brochure.pdf": lambda: Response(b"%PDF-1.7\n", media_type="application/pdf"),
        }
        answer = answers_by_name.get(name)
        return answer() if answer else _html("<h1>Gone</h1>", status=410 if name == "gone" else 404)

    return Starlette(routes=[Route("/{host}/{path:path}", page), Route("/{host}", page)])


async def _dripping() -> AsyncIterator[bytes]:
    for _ in range(_SLOW_SECONDS):
        yield b" "
        await asyncio.sleep(1)


async def _huge() -> AsyncIterator[bytes]:
    yield b"<!doctype html><html><body>"
    for _ in range(_HUGE_PIECES):
        yield _HUGE_PIECE


def _html(body: str, status: int = 200) -> Response:
    text = f'<!doctype html><html lang="en"><head><meta charset="utf-8"></head><body>{body}</body></html>'
    return Response(text, status, media_type="text/html")


def _page(request: Request, company: Company, page: Page, number: int, *, with_etag: bool) -> Response:
    """A page of the site; a nonce and a token differ with every answer, its content does not."""
    content = _content(company, page)
    etag = f'W/"{hashlib.sha256(content.encode()).hexdigest()[:16]}"'
    headers = {"ETag": etag} if with_etag else {}
    if with_etag and request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    nonce = hashlib.sha256(f"{page.key}{number}".encode()).hexdigest()[:24]
    text = content.replace("{nonce}", nonce)
    return Response(text, media_type="text/html", headers=headers)


def _content(company: Company, page: Page) -> str:
    paragraphs = f"<h1>{page.title}</h1><p>{'Northern light for your pipeline. ' * 12}</p>"
    # the shop's code comes through a tag manager: its HTML does not show it
    by_manager = page.url.startswith(SHOP)
    code = _tracking_code(company.portal_id) if page.hubspot_code and not by_manager else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<title>{page.title}</title><link rel="canonical" href="{page.url}">'
        '<meta name="csrf-token" content="{nonce}"><script nonce="{nonce}">window.page = "{nonce}";</script>'
        f"{_TAG_MANAGER if by_manager else ''}</head>"
        f"<body>{paragraphs}{_form(company, page)}{code}</body></html>"
    )


def _form(company: Company, page: Page) -> str:
    if page.key == "signup":
        # the product's own sign-up, not HubSpot's
        return (
            '<form action="https://id.nordlicht.example/register" method="post">'
            '<input type="hidden" name="csrf" value="{nonce}"><input type="email" name="login"></form>'
        )
    form = company.form(page.form) if page.form else None
    if form is None or form.kind == "flow":
        # a pop-up comes with the tracking code
        return ""
    if not form.context:
        # an agency's server passes it on
        return (
            f'<form action="https://forms.agentur.example/nordlicht/{form.key}" method="post">'
            '<input type="email" name="email"><input type="text" name="name"></form>'
        )
    if form.kind == "hubspot":
        frame = form.key == "guide"
        return (_framed if frame else _embedded)(company.portal_id, form.guid)
    return f'<form action="/{form.key}" method="post"><input type="email" name="email"></form>'


def _tracking_code(portal: int) -> str:
    return (
        "<!-- Start of HubSpot Embed Code -->"
        '<script type="text/javascript" id="hs-script-loader" async defer'
        f' src="//js-eu1.hs-scripts.com/{portal}.js"></script>'
        "<!-- End of HubSpot Embed Code -->"
    )


def _embedded(portal: int, form: str) -> str:
    return (
        '<script charset="utf-8" src="//js-eu1.hsforms.net/forms/embed/v2.js"></script>'
        f'<script>hbspt.forms.create({{region: "eu1", portalId: "{portal}", formId: "{form}"}});</script>'
    )


def _framed(portal: int, form: str) -> str:
    return (
        f'<script src="https://js-eu1.hsforms.net/forms/embed/{portal}.js" defer></script>'
        f'<div class="hs-form-frame" data-region="eu1" data-form-id="{form}" data-portal-id="{portal}"></div>'
    )


_TAG_MANAGER = (
    "<script>(function(w,d,s,l,i){w[l]=w[l]||[];w[l].push({'gtm.start':"
    "new Date().getTime(),event:'gtm.js'});var f=d.getElementsByTagName(s)[0],"
    "j=d.createElement(s),dl=l!='dataLayer'?'&l='+l:'';j.async=true;j.src="
    "'https://www.googletagmanager.com/gtm.js?id='+i+dl;f.parentNode.insertBefore(j,f);"
    "})(window,document,'script','dataLayer','GTM-NRDL7CHT');</script>"
)
