# ruff: noqa: E501 - snippets are kept as published
"""Inspection of pages: tracking code (true, false, unknown), portals, forms, and changes of the content."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from ingestion.sources.landing_pages.inspect import Inspection, inspect

URL = "https://www.ex.test/demo"
TEXT = "<p>" + "Northern light for your pipeline. " * 10 + "</p>"
FORM_ID = "1a8a8d6f-d8cb-4876-bf15-5df9da9d85ec"
GTM = "<script async src='https://www.googletagmanager.com/gtm.js?id=GTM-ABC123'></script>"
LEGACY = """<script type="text/javascript">
(function(d,s,i,r) {
  if (d.getElementById(i)){return;}
  var n=d.createElement(s),e=d.getElementsByTagName(s)[0];
  n.id=i;n.src='//js.hs-analytics.net/analytics/'+(Math.ceil(new Date()/r)*r)+'/452866.js';
  e.parentNode.insertBefore(n, e);
})(document,"script","hs-analytics",300000);
</script>"""


def seen(html: str, headers: dict[str, str] | None = None, **options: Any) -> Inspection:
    page = f"<!doctype html><html lang='de-DE'><head></head><body>{TEXT}{html}</body></html>"
    return inspect(
        page.encode(), {"content-type": "text/html; charset=utf-8", **(headers or {})}, URL, **options
    )


@pytest.mark.parametrize(
    ("html", "portals", "evidence"),
    [
        ('<script id="hs-script-loader" async src="//js.hs-scripts.com/1234567.js"></script>', ["1234567"], "script"),
        ('<SCRIPT SRC=https://js-eu1.hs-scripts.com/25029379.js></SCRIPT>', ["25029379"], "script"),
        ('<script src="//js-na2.hs-scripts.com/247617862.js?integration=WordPress"></script>', ["247617862"], "script"),
        ('<script src="//js.hs-analytics.net/analytics/1705938600000/44416662.js"></script>', ["44416662"], "script"),
        ('<script src="/hs/scriptloader/9158797.js"></script>', ["9158797"], "script"),
        ('<script src="https://www.ex.test/hs/scriptloader/9158797.js?v=1"></script>', ["9158797"], "script"),
        # installed, but blocked until the visitor consents
        (
            '<script type="text/plain" data-cookieconsent="statistics" data-src="//js.hs-scripts.com/7654321.js">'
            "</script>",
            ["7654321"],
            "script",
        ),
        (LEGACY, ["452866"], "inline"),
        (
            '<script>var s=document.createElement("script");s.src="https://js.hs-scripts.com/555111.js";</script>',
            ["555111"],
            "inline",
        ),
        ('<script>cfg={"src":"https:\\/\\/js.hs-scripts.com\\/555222.js"}</script>', ["555222"], "inline"),
        ('<script src="//js.hs-scripts.com/1.js"></script><script src="//js.hs-scripts.com/111222.js"></script>'
         '<script src="//js.hs-scripts.com/333444.js"></script>', ["111222", "333444"], "script"),
        # an additional tag manager changes nothing
        (GTM + '<script src="//js.hs-scripts.com/1234567.js"></script>', ["1234567"], "script"),
    ],
)  # fmt: skip
def test_tracking_code_in_the_html_is_found(html: str, portals: list[str], evidence: str) -> None:
    found = seen(html)

    assert found.has_tracking_code is True
    assert list(found.portal_ids) == portals
    assert found.evidence == evidence


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<!-- <script src='//js.hs-scripts.com/1234567.js'></script> -->",
        "<noscript><script src='//js.hs-scripts.com/1234567.js'></script></noscript>",
        "<template><script src='//js.hs-scripts.com/1234567.js'></script></template>",
        "<p>Put &lt;script src='//js.hs-scripts.com/1234567.js'&gt; on your page</p>",
        "<script>/* s.src='//js.hs-scripts.com/1234567.js' */ var a = 1;</script>",
        "<script>\n  // s.src='//js.hs-scripts.com/1234567.js'\n</script>",
        "<link rel='dns-prefetch' href='//js.hs-scripts.com'>",
        # a form script does not load the tracking code
        "<script src='//js.hsforms.net/forms/embed/v2.js'></script>",
        # Google's tag (gtag.js) loads no other vendor's code
        "<script async src='https://www.googletagmanager.com/gtag/js?id=G-1'></script>",
        "<script src='https://js.hs-scripts.com.evil.test/1234567.js'></script>",
    ],
)
def test_pages_without_tracking_code(html: str) -> None:
    found = seen(html)

    assert found.has_tracking_code is False
    assert found.portal_ids == ()
    assert found.evidence == "absent"


@pytest.mark.parametrize(
    ("html", "managers", "consent", "evidence"),
    [
        (GTM, ["google_tag_manager"], [], "tag_manager"),
        ("<script>w[l].push({'gtm.start': new Date().getTime()})</script>", ["google_tag_manager"], [], "tag_manager"),
        ("<script>a='//tags.tiqcdn.com/utag/acme/main/prod/utag.js'</script>", ["tealium"], [], "tag_manager"),
        ("<script src='https://assets.adobedtm.com/x/launch-1.min.js'></script>", ["adobe_launch"], [], "tag_manager"),
        ("<script>s.src='https://cdn.segment.com/analytics.js/v1/k/analytics.min.js'</script>", ["segment"], [], "tag_manager"),
        ("<script>g.src='https://stats.ex.test/js/container_rvRH7IMW.js'</script>", ["matomo_tag_manager"], [], "tag_manager"),
        ("<script src='https://cdn.cookielaw.org/scripttemplates/otSDKStub.js'></script>", [], ["onetrust"], "consent_manager"),
        ("<script src='https://web.cmp.usercentrics.eu/ui/loader.js'></script>", [], ["usercentrics"], "consent_manager"),
    ],
)  # fmt: skip
def test_a_tag_or_consent_manager_makes_the_result_unknown(
    html: str, managers: list[str], consent: list[str], evidence: str
) -> None:
    found = seen(html)

    assert found.has_tracking_code is None
    assert (list(found.tag_managers), list(found.consent_managers)) == (managers, consent)
    assert found.evidence == evidence


def test_a_page_hosted_by_hubspot_has_the_code() -> None:
    by_header = seen("", {"x-hs-hub-id": "4202168", "x-hs-content-id": "1"})
    by_generator = seen("<meta name='Generator' content='HubSpot'>")

    assert (by_header.has_tracking_code, by_header.portal_ids) == (True, ("4202168",))
    assert (by_generator.has_tracking_code, by_generator.evidence) == (True, "hosted")


def test_a_page_rendered_by_scripts_is_unknown() -> None:
    shell = b"<!doctype html><div id=root></div><script src=/assets/app.js></script>"

    assert inspect(shell, {}, URL).has_tracking_code is None
    assert inspect(shell, {}, URL).evidence == "rendered_by_script"


def test_a_truncated_page_without_code_is_unknown() -> None:
    assert seen("", is_whole=False).has_tracking_code is None
    assert (
        seen("<script src='//js.hs-scripts.com/1234567.js'></script>", is_whole=False).has_tracking_code
        is True
    )
    assert seen("", is_whole=False).content_sha256 is None


@pytest.mark.parametrize("name", ["utf-8", "windows-1252", "ISO-8859-1", "utf-16"])
def test_a_page_is_read_in_its_declared_encoding(name: str) -> None:
    page = f"<html><body>{TEXT}<p>größe</p></body></html>"

    found = inspect(page.encode(name), {"content-type": f"text/html; charset={name}"}, URL)

    assert found.content_sha256 == inspect(page.encode(), {}, URL).content_sha256


@pytest.mark.parametrize(
    ("html", "form"),
    [
        (
            f'<script>hbspt.forms.create({{region: "na1", portalId: "1695915", formId: "{FORM_ID}"}});</script>',
            {"kind": "hubspot", "portal_id": "1695915", "form_id": FORM_ID},
        ),
        (
            f"<script>hbspt.forms.create( {{'portalId':1695915,'target':'#a','formId':'{FORM_ID.upper()}'}} );</script>",
            {"kind": "hubspot", "portal_id": "1695915", "form_id": FORM_ID},
        ),
        (
            f'<div class="x hs-form-frame" data-region="na1" data-form-id="{FORM_ID}" data-portal-id="507"></div>',
            {"kind": "hubspot", "portal_id": "507", "form_id": FORM_ID},
        ),
        (
            f'<form action="https://forms-eu1.hsforms.com/submissions/v3/public/submit/formsnext/multipart/507/{FORM_ID}">',
            {"kind": "hubspot", "portal_id": "507", "form_id": FORM_ID},
        ),
        (
            f"<iframe src='https://share.hsforms.com/{FORM_ID}'></iframe>",
            {"kind": "hubspot", "form_id": FORM_ID},
        ),
        (
            '<div class="meetings-iframe-container" data-src="https://meetings.hubspot.com/team?embed=true"></div>',
            {"kind": "hubspot_meeting", "action_host": "meetings.hubspot.com"},
        ),
        (
            "<form action='https://go.crm.test/l/1' method=POST><input type=email></form>",
            {"kind": "other", "action_host": "go.crm.test", "method": "post", "has_email_field": True},
        ),
        (
            "<form><input name=q></form>",
            {"kind": "other", "action_host": "www.ex.test", "method": "get", "has_email_field": False},
        ),
        (
            "<iframe src='https://acme.typeform.com/to/x'></iframe>",
            {"kind": "other", "provider": "typeform", "action_host": "acme.typeform.com"},
        ),
    ],
)
def test_forms(html: str, form: dict[str, Any]) -> None:
    assert list(seen(html).forms) == [form]


def test_one_script_can_create_two_forms() -> None:
    other = FORM_ID.replace("1a8a", "2b9b")
    calls = "".join(
        f'hbspt.forms.create({{portalId:"507000",formId:"{i}"}});' for i in (FORM_ID, other, FORM_ID)
    )

    assert [form["form_id"] for form in seen(f"<script>{calls}</script>").forms] == [FORM_ID, other]


def test_canonical_url_language_and_refresh_are_read() -> None:
    found = seen(
        "<link rel=canonical href='/demo?utm_source=x'><meta http-equiv=Refresh content='5; URL=\"/next?a=1\"'>"
    )

    assert found.canonical_url == "https://www.ex.test/demo"
    assert found.language == "de-de"
    assert found.refresh_url == "https://www.ex.test/next?a=1"


def volatile(token: str, instant: str, form: str = FORM_ID) -> str:
    return f"""<!-- rendered {instant} -->
<meta name="csrf-token" content="{token[:7]}"><script nonce="{token[:7]}">window.t = "{instant}"; id = "{token}";</script>
<input type="hidden" name="authenticity_token" value="{token[:7]}">
<link href="/app.css?v={token}" rel="stylesheet"><a data-cfemail="{token}">mail</a>
<script>hbspt.forms.create({{portalId: "1695915", formId: "{form}"}})</script>"""


def test_tokens_and_instants_do_not_change_the_hash() -> None:
    one = seen(volatile("a3f9c0de12345678aabbccdd", "2026-11-01T06:00:00Z"))
    two = seen(volatile("ffeeddccbbaa998877665544", "2026-11-02T09:30:01.25Z"))

    assert one.content_sha256 == two.content_sha256


@pytest.mark.parametrize(
    "change",
    [
        lambda html: html.replace("mail</a>", "post</a>"),
        lambda html: html.replace(FORM_ID, "00000000-d8cb-4876-bf15-5df9da9d85ec"),
        lambda html: html + "<script src='//js.hs-scripts.com/1234567.js'></script>",
        lambda html: re.sub("<link[^>]*>", "", html),
    ],
)
def test_changed_content_or_scripts_change_the_hash(change: Any) -> None:
    html = volatile("a3f9c0de12345678aabbccdd", "2026-11-01T06:00:00Z")

    assert seen(html).content_sha256 != seen(change(html)).content_sha256


def test_a_too_deeply_nested_page_is_unknown() -> None:
    found = seen("<div>" * 10_000 + "<script src='//js.hs-scripts.com/1234567.js'></script>")

    assert (found.has_tracking_code, found.evidence, found.content_sha256) == (None, "unread", None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"<meta charset=utf-99><p>x",
        b"<script>" + b"/* js.hs-scripts.com/" * 100_000,
        b"<script>" + b"hbspt.forms.create(" * 50_000,
        b"<div>" * 400_000,
        # formatting elements that an HTML5 parser would copy into every paragraph
        b"".join(b"<b id=%d>" % number for number in range(1000)) + b"</p><p>x" * 400_000,
        b"<a " + b"x=1 " * 100_000,
        b"<script>var a='" + b"a1" * 1_000_000,
        b"<!--" * 200_000,
        b"<script src='http://[bad'></script><form action='http://[bad'><iframe src='//[x'></iframe>"
        b"<link rel=canonical href='http://[bad'><meta http-equiv=refresh content='0;url=http://[bad'>",
        b"<meta charset=punycode>" + b"a-" * 400_000,
        b"<meta charset=undefined>",
        "<meta charset=utf-16>".encode("utf-16") + b"\x00\xd8",
        b"<p>\x00" * 100_000,
    ],
)
def test_any_page_is_read_in_bounded_time(body: bytes) -> None:
    began = time.process_time()

    inspect(body, {}, URL)

    assert time.process_time() - began < 5
