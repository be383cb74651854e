"""The errors ingestion raises, and the redaction every text passes before it leaves the package."""

from __future__ import annotations

import re

_EMAIL = re.compile(r"[^\s\"'<>=&?,;:(){}\[\]/]+(?:@|%40)[^\s\"'<>=&?,;:(){}\[\]/]+", re.IGNORECASE)
_BEARER = re.compile(r"(bearer\s+)[^\s\"',]+", re.IGNORECASE)
_SECRET_FIELD = re.compile(
    r"((?:access_token|refresh_token|client_secret|app_secret|appsecret_proof|developer[-_]token|id_token|code)"
    r"[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]+",
    re.IGNORECASE,
)
_LONGEST_LINE = 400


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """One line of `text` without tokens and e-mail addresses.

    `secrets` are values that must not appear anywhere; the patterns catch what a server echoes.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, "<secret>")
    text = _SECRET_FIELD.sub(r"\1<secret>", text)
    text = _BEARER.sub(r"\1<secret>", text)
    text = _EMAIL.sub("<e-mail>", text)
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"


class IngestionError(Exception):
    """A load that cannot go on. `str()` is one line: the setting or the fault, and the fix.

    `transient`: the same load may succeed some minutes later although nobody changed anything.
    """

    transient = False

    def __init__(self, message: str, *, secrets: tuple[str, ...] = ()) -> None:
        super().__init__(redact(message, secrets))


class SettingError(IngestionError):
    """A setting is missing or malformed."""


class AccessError(IngestionError):
    """The vendor refused a credential, a permission or an account."""


class PermissionMissing(AccessError):
    """The credential is good, but its scopes or the account's tier do not cover the request."""


class UnreachableError(IngestionError):
    """The server could not be reached, or kept failing."""

    transient = True


class LimitSpent(UnreachableError):
    """The vendor's limit is used up for longer than a run lasts."""

    transient = False


class LoadStopped(IngestionError):
    """The load was stopped before it was complete; nothing of it landed."""


class ResponseError(IngestionError):
    """The server answered with something this program cannot use."""
