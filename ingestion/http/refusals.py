"""Errors of requests that a vendor refused: what was refused, its answer, what to do; worded once for all."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.errors import AccessError, IngestionError, PermissionMissing, ResponseError, SettingError
from ingestion.http.client import Client
from ingestion.http.faults import RequestFault


@dataclass(frozen=True)
class Refusals:
    """The errors of one vendor. `version` is the value of `version_key`, the setting of its API version."""

    client: Client
    vendor: str
    version_key: str
    version: str

    def request(self, refused: RequestFault, kind: type[ResponseError] = ResponseError) -> IngestionError:
        """The error of a request that the vendor does not accept as it is."""
        return self._error(
            kind,
            f"{self.client.setting}: {self.vendor} refused a request",
            refused,
            f"check {self._name(self.version_key)} ({self.version})",
        )

    def permission(self, refused: RequestFault, missing: str, fix: str) -> IngestionError:
        """The error of a credential that lacks a permission."""
        setting = self.client.token.setting if self.client.token else self.client.setting
        return self._error(PermissionMissing, f"{setting} lacks {missing}", refused, fix)

    def subject(
        self, refused: RequestFault, key: str, name: str, check: str, kind: type[AccessError] = AccessError
    ) -> IngestionError:
        """The error of an account or a page, named in the setting `key`; `check` is what may be wrong."""
        seen = f"{self._name(key)}: {name} is unknown or not accessible"
        return self._error(kind, seen, refused, f"check the id and {check}")

    def setting(self, refused: RequestFault, key: str, state: str, fix: str) -> IngestionError:
        """The error of the setting `key`, which the vendor does not accept."""
        return self._error(SettingError, f"{self._name(key)} {state}", refused, fix)

    def without(self, path: str, content: str) -> IngestionError:
        """The error of JSON that lacks its `content`."""
        address = path.partition("?")[0]
        seen = f"{self.client.setting}: {address} sent JSON without {content}"
        return self.client.error(ResponseError, f"{seen}; is that the API of {self.vendor}?")

    def _name(self, key: str) -> str:
        return f"sources.{self.client.policy.source}.{key}"

    def _error(
        self, kind: type[IngestionError], seen: str, refused: RequestFault, fix: str
    ) -> IngestionError:
        return self.client.error(kind, f"{seen} ({refused.status}): {refused.fault.detail}; {fix}")
