"""Masks personal data: ids become numbers, and URLs lose the values of their parameters."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus, urlsplit

HIDDEN = "…"
_SHOWN_PARAMETER = re.compile(r"(?:hsa|utm)_\w+", re.IGNORECASE)
_PARAMETER_NAME = re.compile(r"[\w.\-\[\]]{1,64}")


class Mask:
    """Replaces each id by a number that stays the same within one output. `shown` turns masking off."""

    def __init__(self, *, shown: bool = False) -> None:
        self.shown = shown
        self._numbers: dict[str, dict[str, int]] = {}

    def id(self, kind: str, value: str | None) -> str | None:
        """The masked id, e.g. `contact 2`, or the id itself if masking is off."""
        if value is None or self.shown:
            return value
        numbers = self._numbers.setdefault(kind, {})
        return f"{kind} {numbers.setdefault(value, len(numbers) + 1)}"

    def url(self, url: str | None) -> str | None:
        """The URL with the values of `hsa_*` and `utm_*` parameters and only the names of all others.

        Credentials and fragment are removed. Anything like an e-mail address is masked.
        """
        if url is None or self.shown:
            return url
        try:
            parts = urlsplit(url)
        except ValueError:
            return HIDDEN
        host = parts.netloc.rpartition("@")[2]
        path = "/".join(HIDDEN if _has_email(segment) else segment for segment in parts.path.split("/"))
        query = "&".join(_parameter(item) for item in parts.query.split("&") if item)
        scheme = f"{parts.scheme}:" if parts.scheme else ""
        return f"{scheme}{f'//{host}' if host else ''}{path}{f'?{query}' if query else ''}"


def _parameter(item: str) -> str:
    name, equals, value = item.partition("=")
    if not equals or not _PARAMETER_NAME.fullmatch(name):
        return HIDDEN
    if not value or (_SHOWN_PARAMETER.fullmatch(name) and not _has_email(value)):
        return item
    return f"{name}={HIDDEN}"


def _has_email(text: str) -> bool:
    return "@" in unquote_plus(unquote_plus(text))
