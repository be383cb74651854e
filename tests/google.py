"""Google Ads as the sandbox serves it, its switches and clock, and homes that land it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ingestion.sources.google_ads import api
from sandbox.apis.state import Sandbox
from sandbox.serve import build_sandbox, settings
from tests import traps
from tests.companies import served
from tests.company import Company
from tests.traps import Patch, Timer

MANAGER, SHOP, SUB_MANAGER = "9903317745", "4471290863", "8800112233"
UK, CLOSED = "5560471902", "3317720045"


@dataclass(frozen=True)
class Store(traps.Store):
    """One ADLEDGER_HOME with what it landed of Google Ads."""

    source: str = "google_ads"


@dataclass
class GoogleSandbox(traps.World):
    """The served accounts: a manager, a shop in New York, and behind a switch a sub-manager's client."""

    source: str = "google_ads"
    store: type[traps.Store] = Store
    timer: Timer | None = field(default_factory=Timer)
    environment: Mapping[str, str] = field(default_factory=lambda: {"CUSTOMER_IDS": MANAGER})
    sandbox: Sandbox = field(kw_only=True)

    def faults(self, faults: Mapping[str, Any]) -> None:
        """Replaces the faults; earlier answers are forgotten."""
        super().faults(faults)
        self.sandbox.forget()


@contextmanager
def served_google(people: int = 120) -> Iterator[GoogleSandbox]:
    """The sandbox on a loopback port, in this process: a test may change what it holds."""
    sandbox = build_sandbox(people=people)
    with served(sandbox) as url:
        yield GoogleSandbox(Company(url, sandbox.now.isoformat(), settings(sandbox, url)), sandbox=sandbox)


def no_retry_delay(patch: Patch) -> None:
    """The pause that Google asks for is not read."""
    failure = api._failure

    def hintless(error: dict[str, Any]) -> tuple[list[str], float | None, str]:
        codes, _, message = failure(error)
        return codes, None, message

    patch.setattr(api, "_failure", hintless)
