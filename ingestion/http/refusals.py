"""Error messages for refused requests, shared by all vendors: the request, the vendor's answer, the fix."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.errors import (
    AccessError,
    AccountLeftOut,
    IngestionError,
    PermissionMissing,
    ResponseError,
    SettingError,
)
from ingestion.http.client import Client
from ingestion.http.faults import RequestFault


@dataclass(frozen=True)
class Refusals:
    """Error messages of one vendor. `version` is the value of the setting `version_key`, its API version."""

    client: Client
    vendor: str
    version_key: str
    version: str

    def request(self, refused: RequestFault, kind: type[ResponseError] = ResponseError) -> IngestionError:
        """Return the error of a request that the vendor rejects."""
        return self._error(
            kind,
            f"{self.client.setting}: {self.vendor} refused a request",
            refused,
            f"check {self._name(self.version_key)} ({self.version})",
        )

    def permission(self, refused: RequestFault, missing: str, fix: str) -> IngestionError:
        """Return the error of a credential without a permission."""
        setting = self.client.token.setting if self.client.token else self.client.setting
        return self._error(PermissionMissing, f"{setting} does not have {missing}", refused, fix)

    def subject(
        self, refused: RequestFault, key: str, name: str, check: str, kind: type[AccessError] = AccessError
    ) -> IngestionError:
        """Return the error of an account or a page in the setting `key`; `check` is the likely cause."""
        seen = f"{self._name(key)}: {name} is unknown or not accessible"
        return self._error(kind, seen, refused, f"check the id and {check}")

    def account(self, refused: RequestFault, key: str, account: str, check: str) -> AccountLeftOut:
        """Return the error of an account of the setting `key`; a load with other accounts leaves it out."""
        error = self.subject(refused, key, f"account {account}", check, AccountLeftOut)
        assert isinstance(error, AccountLeftOut)
        error.account = account
        return error

    def setting(self, refused: RequestFault, key: str, state: str, fix: str) -> IngestionError:
        """Return the error of the setting `key`, which the vendor rejects."""
        return self._error(SettingError, f"{self._name(key)} {state}", refused, fix)

    def without(self, path: str, content: str) -> IngestionError:
        """Return the error of an answer that is JSON but has no `content`."""
        message = f"{self.client.setting}: {path.partition('?')[0]} sent JSON without {content}"
        return self.client.error(ResponseError, f"{message}; check that this is the API of {self.vendor}")

    def _name(self, key: str) -> str:
        return f"sources.{self.client.policy.source}.{key}"

    def _error(
        self, kind: type[IngestionError], seen: str, refused: RequestFault, fix: str
    ) -> IngestionError:
        return self.client.error(kind, f"{seen} ({refused.status}): {refused.fault.detail}; {fix}")
