"""Errors that ingestion raises, and the redaction of every text that leaves the package."""

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
    """Return `text` as one line without tokens and e-mail addresses.

    `secrets` are values that must never appear; patterns remove the ones that a server echoes.
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
    """A load failed. `str()` is one line: the setting or the fault, and the fix.

    `transient`: the same load may succeed some minutes later without any change.
    """

    transient = False

    def __init__(self, message: str, *, secrets: tuple[str, ...] = ()) -> None:
        super().__init__(redact(message, secrets))


class SettingError(IngestionError):
    """A setting is missing or malformed."""


class ClockError(IngestionError):
    """The time of a load cannot be right: it differs from the vendor's, or lies before what was landed."""


class AccessError(IngestionError):
    """The vendor refused a credential, a permission or an account."""


class PermissionMissing(AccessError):
    """The credential is valid, but its scopes or the account's subscription do not cover the request."""


class AccountLeftOut(AccessError):
    """One account cannot be loaded; the load continues without it if the source has others."""

    def __init__(self, message: str, *, account: str = "", secrets: tuple[str, ...] = ()) -> None:
        super().__init__(message, secrets=secrets)
        self.account = account


class UnreachableError(IngestionError):
    """The server could not be reached or kept failing."""

    transient = True


class LimitSpent(UnreachableError):
    """The vendor's rate limit is used up, and it resets too late for this run to wait."""

    transient = False


class CertificateError(UnreachableError):
    """The server's certificate is refused; no repetition of the request changes that."""

    transient = False


class LoadStopped(IngestionError):
    """The load was stopped before it was complete; it landed nothing."""


class ResponseError(IngestionError):
    """The server's answer cannot be used."""
