"""Personal data out of sight: ids become numbers that hold within one answer, addresses lose their values."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus, urlsplit

HIDDEN = "…"
_OPEN = re.compile(r"(?:hsa|utm)_\w+", re.IGNORECASE)
_NAME = re.compile(r"[\w.\-\[\]]{1,64}")


class Mask:
    """Numbers ids in the order met, so that the same one is recognised; lets all through if `shown`."""

    def __init__(self, *, shown: bool = False) -> None:
        self.shown = shown
        self._numbers: dict[str, dict[str, int]] = {}

    def id(self, kind: str, value: str | None) -> str | None:
        """The id itself, or e.g. `person 2`."""
        if value is None or self.shown:
            return value
        numbers = self._numbers.setdefault(kind, {})
        return f"{kind} {numbers.setdefault(value, len(numbers) + 1)}"

    def url(self, url: str | None) -> str | None:
        """The address with the values of `hsa_*` and `utm_*` alone; of other parameters only the names.

        Credentials and fragment are left out; what looks like an e-mail address is masked wherever it stands.
        """
        if url is None or self.shown:
            return url
        try:
            parts = urlsplit(url)
        except ValueError:
            return HIDDEN
        host = parts.netloc.rpartition("@")[2]
        path = "/".join(HIDDEN if _is_address(segment) else segment for segment in parts.path.split("/"))
        query = "&".join(_parameter(item) for item in parts.query.split("&") if item)
        scheme = f"{parts.scheme}:" if parts.scheme else ""
        return f"{scheme}{f'//{host}' if host else ''}{path}{f'?{query}' if query else ''}"


def _parameter(item: str) -> str:
    name, equals, value = item.partition("=")
    if not equals or not _NAME.fullmatch(name):
        return HIDDEN
    if not value or (_OPEN.fullmatch(name) and not _is_address(value)):
        return item
    return f"{name}={HIDDEN}"


def _is_address(text: str) -> bool:
    return "@" in unquote_plus(unquote_plus(text))
