"""Inspect the HTML of a page: HubSpot's tracking code, forms, tag managers, a fingerprint of the content.

Elements are parsed by libxml2, which tokenizes like HTML5 and needs linear time for any nesting. Parsers that
build the HTML5 tree copy unclosed formatting elements into every paragraph, so a page of some kilobytes can
fill the memory. Only the text of inline scripts is matched by patterns. Rules:

* tracking code: `js.hs-scripts.com/<portal>.js`, by region `js-eu1.hs-scripts.com`, added by hand or by a CMS
  (https://knowledge.hubspot.com/reports/install-the-hubspot-tracking-code); it loads
  `js.hs-analytics.net/analytics/<time>/<portal>.js`, which was the earlier snippet;
* pages hosted by HubSpot contain it automatically, as `/hs/scriptloader/<portal>.js`
  (https://knowledge.hubspot.com/reports/install-the-hubspot-tracking-code);
* forms: `hbspt.forms.create` (https://developers.hubspot.com/docs/cms/start-building/features/forms/legacy-forms)
  and `hs-form-frame` (https://developers.hubspot.com/docs/cms/start-building/features/forms/forms);
* forms that post to the submissions API
  (https://developers.hubspot.com/docs/api-reference/legacy/marketing/forms/v3-legacy/submit-data-unauthenticated).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from lxml import etree

from ingestion.sources.landing_pages.fetch import shown
from ingestion.sources.landing_pages.urls import BadUrl, canonical

Evidence = Literal[
    "script", "inline", "hosted", "tag_manager", "consent_manager", "rendered_by_script", "unread", "absent"
]

_CODE = re.compile(
    r"\bjs(?:-[a-z]{2}\d{0,2})?\.hs-(?:scripts|analytics)\.(?:com|net)/[^;]{0,160}?(?<!\d)(\d{3,12})\.js"
)
_SCRIPT_LOADER = re.compile(r"^(?:(?:https?:)?//[^/?#]+)?/hs/scriptloader/(\d{3,12})\.js(?:$|[?#])")
_CREATE = re.compile(r"hbspt\s*\.\s*forms\s*\.\s*create\s*\(")
_PORTAL_ID = re.compile(r"""["']?portalId["']?\s*:\s*["']?(\d{3,12})""")
_FORM_ID = re.compile(r"""["']?formId["']?\s*:\s*["']([0-9a-fA-F-]{36})""")
_LONGEST_CALL = 2000
_SUBMISSIONS = re.compile(
    r"^/(?:submissions/v3/(?:public|integration(?:/secure)?)/submit(?:/formsnext/multipart)?|uploads/form/v2)"
    r"/(\d{3,12})/([0-9a-fA-F-]{36})"
)
_FORM_HOST = re.compile(
    r"(?:^|\.)(?:hsforms\.(?:com|net)|hubspotpagebuilder\.(?:com|eu))$|^forms\.hubspot\.com$"
)
_MEETING_HOST = re.compile(r"^meetings(?:-[a-z]{2}\d?)?\.hubspot\.com$")
_COMMENT_LINE = re.compile(r"^[ \t]*//[^\n]*", re.MULTILINE)
# does not match inside a string such as "*/*"
_COMMENT_OPENS = re.compile(r"(?:(?<=[\s;{}(),>=])|^)/\*")
# roughly the encodings of the Encoding Standard: some of Python's other codecs take quadratic time
_CHARSET = re.compile(
    r"utf-?8|utf-?16(?:[bl]e)?|(?:us-)?ascii|latin-?1|iso-?8859-?\d{1,2}|windows-?\d{3,4}|cp\d{3,4}"
    r"|koi8-[ru]|gbk|gb2312|gb18030|big5(?:-?hkscs)?|euc-?(?:jp|kr)|shift[_-]?jis|iso-2022-jp|macintosh|tis-620",
    re.IGNORECASE,
)
# attributes in which consent tools and lazy loaders store the URL of a blocked script or frame
_SOURCES = ("src", "data-src", "data-cookieblock-src", "data-cmp-src", "data-suppressedsrc", "data-lazy-src")

# Containers that may load any script, recognised by the URL of their own script.
_TAG_MANAGERS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        # https://developers.google.com/tag-platform/tag-manager/web; server-side hosting keeps `gtm.start`
        ("google_tag_manager", r"googletagmanager\.com/(?:gtm|ns)\b|['\"]gtm\.start['\"]"),
        # https://segment.com/docs/connections/sources/catalog/libraries/website/javascript/
        ("segment", r"cdn\.segment\.(?:com|io)/analytics"),
        # https://docs.tealium.com/platforms/javascript/install/
        ("tealium", r"tags\.tiqcdn\.(?:com|cn)/utag"),
        ("adobe_launch", r"assets\.adobedtm\.com/"),
        # https://developer.matomo.org/guides/tagmanager/embedding
        ("matomo_tag_manager", r"/container_[A-Za-z0-9]{8}[A-Za-z0-9_]*\.js"),
        ("piwik_pro", r"\.containers\.piwik\.pro/|\.piwik\.pro/containers/"),
        ("rudderstack", r"cdn\.rudderlabs\.com/"),
        # https://developers.cloudflare.com/zaraz/
        ("cloudflare_zaraz", r"/cdn-cgi/zaraz/"),
        ("commanders_act", r"cdn\.(?:tagcommander|trustcommander)\.(?:com|net)/"),
        ("ensighten", r"nexus\.ensighten\.com/"),
    )
)
_CONSENT_MANAGERS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("onetrust", r"cdn\.cookielaw\.org/|cookie-cdn\.cookiepro\.com/"),
        ("cookiebot", r"consent\.cookiebot\.(?:com|eu)/"),
        ("usercentrics", r"(?:app|web\.cmp)\.usercentrics\.eu/"),
        ("cookieyes", r"cdn-cookieyes\.com/"),
        ("didomi", r"sdk\.privacy-center\.org/"),
        ("iubenda", r"(?:cdn|cs)\.iubenda\.com/"),
        ("trustarc", r"consent\.trustarc\.com/"),
        ("osano", r"cmp\.osano\.com/"),
        ("termly", r"app\.termly\.io/"),
        ("axeptio", r"static\.axept\.io/"),
        ("consentmanager", r"(?:cdn|delivery)\.consentmanager\.net/"),
    )
)
# frames with forms of other vendors
_FORM_FRAMES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("typeform", r"(?:^|\.)typeform\.com$"),
        ("google_forms", r"^(?:docs\.google\.com|forms\.gle)$"),
        ("jotform", r"(?:^|\.)jotform\.com$"),
        ("pardot", r"^(?:go|pi)\.pardot\.com$"),
        ("marketo", r"(?:^|\.)(?:marketo\.com|mktoweb\.com)$"),
        ("calendly", r"(?:^|\.)calendly\.com$"),
        ("microsoft_forms", r"^forms\.(?:office|microsoft|cloud\.microsoft)(?:\.com)?$"),
    )
)

_VOLATILE = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\d:.,Z+-]*"
    r"|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
    r"|\b[0-9a-fA-F]{16,}\b|\b\d{10,}\b"
    r"|(?<![A-Za-z0-9+/_=-])(?=[A-Za-z+/_-]*\d)[A-Za-z0-9+/_-]{24,}={0,2}"
)
_DIFFERS_EACH_TIME = frozenset(
    {"nonce", "data-nonce", "data-cfemail", "data-csrf", "data-request-id", "data-cf-beacon"}
)
_TOKEN_NAME = re.compile(
    r"csrf|xsrf|token|nonce|viewstate|eventvalidation|__requestverification|form_build_id", re.I
)
_FEWEST_CHARACTERS = 50
_NOT_SHOWN = frozenset({"script", "style", "title"})


@dataclass(frozen=True)
class Inspection:
    """The result of an inspection. `has_tracking_code` is None if a script on the page may load the code.

    `forms`: `kind` (`hubspot`, `hubspot_meeting`, `other`) and, if known, `portal_id`, `form_id`,
    `action_host`, `provider`, `has_email_field`. `content_sha256` does not change if only tokens, nonces,
    timestamps and comments differ; None if the page was truncated.
    """

    has_tracking_code: bool | None
    evidence: Evidence
    portal_ids: tuple[str, ...] = ()
    forms: tuple[dict[str, Any], ...] = ()
    tag_managers: tuple[str, ...] = ()
    consent_managers: tuple[str, ...] = ()
    canonical_url: str | None = None
    language: str | None = None
    refresh_url: str | None = None
    content_sha256: str | None = None


def is_html(headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether an answer is HTML by its content type or, without one, by its first character."""
    kind = (headers.get("content-type") or "").partition(";")[0].strip().lower()
    return kind in ("text/html", "application/xhtml+xml") or (not kind and body.lstrip()[:1] == b"<")


def inspect(body: bytes, headers: Mapping[str, str], url: str, *, is_whole: bool = True) -> Inspection:
    """Inspect the HTML of the page at `url` as received; runs no scripts."""
    root, is_complete = _parsed(_text(body, headers))
    is_whole = is_whole and is_complete
    scripts = list(root.iter("script"))
    sources = [source for node in scripts for source in _script_urls(node)]
    inline = [_uncommented(node.text or "") for node in scripts if not node.get("src")]
    portals, evidence = _portals(sources, inline, headers, root)
    loaders = [*sources, *inline]
    managers = _named(_TAG_MANAGERS, loaders)
    consent = _named(_CONSENT_MANAGERS, loaders)
    if evidence is None:
        evidence = (
            "tag_manager"
            if managers
            else "consent_manager"
            if consent
            else "unread"
            if not is_whole
            else "rendered_by_script"
            if sources and _is_shell(root)
            else "absent"
        )
    found = evidence in ("script", "inline", "hosted")
    forms = tuple(_unique(_forms(root, inline, url)))
    return Inspection(
        has_tracking_code=True if found else False if evidence == "absent" else None,
        evidence=evidence,
        portal_ids=portals,
        forms=forms,
        tag_managers=managers,
        consent_managers=consent,
        canonical_url=_canonical(root, url),
        language=(root.get("lang") or "").strip().lower()[:35] or None,
        refresh_url=_refresh(root, headers, url),
        content_sha256=_fingerprint(root, (portals, forms)) if is_whole else None,
    )


def _text(body: bytes, headers: Mapping[str, str]) -> str:
    found = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", headers.get("content-type") or "", re.IGNORECASE)
    declared = re.search(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]+)", body[:1024], re.IGNORECASE)
    name = found[1] if found else declared[1].decode("ascii") if declared else "utf-8"
    if not _CHARSET.fullmatch(name):
        name = "utf-8"
    try:
        return body.decode(name, "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def _parsed(text: str) -> tuple[etree._Element, bool]:
    """Return the document without `noscript` and `template`, and whether it was parsed completely.

    libxml2 stops at a depth of 2,048 elements.
    """
    # `huge_tree`: 2,048 levels instead of 256
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=True
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError:
        root = None
    is_complete = not any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log)
    if root is None:
        return etree.Element("html"), is_complete
    etree.strip_elements(root, "noscript", "template", with_tail=False)
    return root, is_complete


def _script_urls(node: etree._Element) -> Iterator[str]:
    for name in _SOURCES:
        value = node.get(name)
        if value:
            yield value.strip()


def _metas(root: etree._Element, attribute: str, value: str) -> Iterator[str]:
    for node in root.iter("meta"):
        if (node.get(attribute) or "").strip().lower() == value:
            yield node.get("content") or ""


def _uncommented(script: str) -> str:
    kept: list[str] = []
    place = 0
    while (opens := _COMMENT_OPENS.search(script, place)) and (closes := script.find("*/", opens.end())) >= 0:
        kept.append(script[place : opens.start()])
        place = closes + 2
    kept.append(script[place:])
    return _COMMENT_LINE.sub(" ", " ".join(kept)).replace("\\/", "/")


def _portals(
    sources: list[str], inline: list[str], headers: Mapping[str, str], root: etree._Element
) -> tuple[tuple[str, ...], Evidence | None]:
    by_script = [found[1] for source in sources if (found := _CODE.search(source))]
    by_script += [found[1] for source in sources if (found := _SCRIPT_LOADER.search(source))]
    by_inline = [found for script in inline for found in _CODE.findall(script)]
    hub = headers.get("x-hs-hub-id") or headers.get("x-hs-portal-id")
    made_by = (content.strip().lower() for content in _metas(root, "name", "generator"))
    is_hosted = bool(hub) or "hubspot" in made_by
    ids = [*by_script, *by_inline, *([hub] if hub and hub.isdigit() else [])]
    evidence: Evidence | None = (
        "script" if by_script else "inline" if by_inline else "hosted" if is_hosted else None
    )
    return tuple(dict.fromkeys(ids)), evidence


def _named(known: tuple[tuple[str, re.Pattern[str]], ...], texts: list[str]) -> tuple[str, ...]:
    return tuple(name for name, pattern in known if any(map(pattern.search, texts)))


def _is_shell(root: etree._Element) -> bool:
    """Return whether the page has almost no text in its HTML, so that scripts must render its content."""
    if next(root.iter("form", "iframe"), None) is not None:
        return False
    shown_text = 0
    for node in root.iter():
        texts = (None if node.tag in _NOT_SHOWN else node.text, node.tail)
        shown_text += sum(len("".join(text.split())) for text in texts if text)
        if shown_text >= _FEWEST_CHARACTERS:
            return False
    return True


def _forms(root: etree._Element, inline: list[str], url: str) -> Iterator[dict[str, Any]]:
    for script in inline:
        for call in _CREATE.finditer(script):
            arguments = script[call.end() : call.end() + _LONGEST_CALL]
            following = _CREATE.search(arguments)
            arguments = arguments[: following.start()] if following else arguments
            yield _hubspot(_first(_PORTAL_ID, arguments), _first(_FORM_ID, arguments))
    for node in root.iter():
        classes = set((node.get("class") or "").split())
        if classes & {"hs-form-frame", "hs-form-html"}:
            yield _hubspot(node.get("data-portal-id"), node.get("data-form-id"))
        elif node.tag == "iframe" or "meetings-iframe-container" in classes:
            yield from _frame(node, url)
        elif node.tag == "form":
            yield _form(node, url)


def _frame(node: etree._Element, url: str) -> Iterator[dict[str, Any]]:
    for source in _script_urls(node):
        parts = urlsplit(_joined(url, source))
        host = parts.hostname or ""
        if _FORM_HOST.search(host):
            found = re.search(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", parts.path)
            portal = re.search(r"portalId=(\d{3,12})", parts.query)
            yield _hubspot(portal[1] if portal else None, found[0] if found else None)
        elif _MEETING_HOST.match(host):
            yield {"kind": "hubspot_meeting", "action_host": host}
        else:
            for provider, pattern in _FORM_FRAMES:
                if pattern.search(host):
                    yield {"kind": "other", "provider": provider, "action_host": host}
        return


def _form(node: etree._Element, url: str) -> dict[str, Any]:
    action = urlsplit(_joined(url, node.get("action") or ""))
    if _FORM_HOST.search(action.hostname or "") and (found := _SUBMISSIONS.match(action.path)):
        return _hubspot(found[1], found[2])
    return {
        "kind": "other",
        "action_host": action.hostname or "",
        "method": (node.get("method") or "get").lower(),
        "has_email_field": any(
            (field.get("type") or "").lower() == "email" or "mail" in (field.get("name") or "").lower()
            for field in node.iter("input", "textarea")
        ),
    }


def _hubspot(portal_id: str | None, form_id: str | None) -> dict[str, Any]:
    found = {"kind": "hubspot", "portal_id": portal_id, "form_id": form_id.lower() if form_id else None}
    return {name: value for name, value in found.items() if value}


def _unique(forms: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    for form in forms:
        if form not in seen:
            seen.append(form)
            yield form


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None


def _joined(url: str, reference: str) -> str:
    try:
        return urljoin(url, reference.strip())
    except ValueError:
        return ""


def _stored_url(url: str, reference: str | None) -> str | None:
    try:
        return shown(canonical(_joined(url, reference))) if reference else None
    except BadUrl:
        return None


def _canonical(root: etree._Element, url: str) -> str | None:
    for link in root.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split():
            return _stored_url(url, link.get("href"))
    return None


def _refresh(root: etree._Element, headers: Mapping[str, str], url: str) -> str | None:
    """Return the target of an HTML redirect (`http-equiv=refresh`) or a Refresh header; None without one."""
    content = next(_metas(root, "http-equiv", "refresh"), None) or headers.get("refresh") or ""
    _, _, target = re.sub(r"[,;]\s*url\s*=\s*", ";", content, count=1, flags=re.IGNORECASE).partition(";")
    return _joined(url, target.strip().strip("'\"")) or None if target.strip() else None


def _fingerprint(root: etree._Element, facts: tuple[Any, ...]) -> str:
    """Return the SHA-256 of elements, attributes and texts, without parts that differ in every answer.

    Left out: comments, nonces, values of hidden fields, contents of token metas. Masked in scripts and
    attributes: instants, UUIDs, long hexadecimal, decimal and base64 tokens; `facts` adds ids that the masks
    may hide.
    """
    digest = hashlib.sha256(repr(facts).encode())
    for node in root.iter():
        inner = " ".join((node.text or "").split())
        if node.tag in ("script", "style"):
            inner = _VOLATILE.sub("*", inner)
        after = " ".join((node.tail or "").split())
        digest.update(f"<{node.tag} {_steady_attributes(node)}>{inner}</>{after}".encode())
    return digest.hexdigest()


def _steady_attributes(node: etree._Element) -> list[tuple[str, str]]:
    is_hidden = node.tag == "input" and (node.get("type") or "").lower() == "hidden"
    is_token = is_hidden or bool(_TOKEN_NAME.search(node.get("name") or ""))
    return sorted(
        (str(name), _VOLATILE.sub("*", str(value)))
        for name, value in node.items()
        if name not in _DIFFERS_EACH_TIME and not (is_token and name in ("value", "content"))
    )
