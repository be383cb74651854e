"""What a source offers: its registration, and the interfaces of its modules, which mypy checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ingestion.landing.arrow import Table
from ingestion.landing.resources import Landing, Span
from ingestion.landing.store import Store
from ingestion.sources.probe import Examiner


class Loader(Protocol):
    """A module that loads a source: its `source.py`, or `ingestion/exports/<source>.py` for files."""

    @property
    def ENTITIES(self) -> tuple[Table, ...]:
        """Tables of the part "entities"; the first one represents it in freshness checks."""

    @property
    def DAILY(self) -> tuple[Table, ...]:
        """Tables of the part "daily", with figures per day; empty without such figures."""

    def resources(self, landing: Landing, part: str, /) -> list[Any]:
        """Return the dlt resources of a part. Reads nothing until they run."""


class DailyLoader(Loader, Protocol):
    """A module that also loads daily figures, account by account."""

    def accounts(self, landing: Landing, /) -> Sequence[str]:
        """Return the ids of the accounts with figures. Raises IngestionError."""

    def span(self, landing: Landing, table: Table, account: str, /) -> Span:
        """Return the days of a table that an account has, and those that can still change."""


class SourceSettings(Protocol):
    """The module `settings.py` of a source: constants with their source."""

    @property
    def SOURCE(self) -> str:
        """Name of the source: of its folder, raw store, settings and dbt source."""

    @property
    def CREDENTIALS(self) -> tuple[tuple[str, ...], ...]:
        """Alternative sets of credentials; empty if the source needs none."""


class DailySettings(SourceSettings, Protocol):
    """Settings of a source with daily figures."""

    @property
    def RESTATEMENT_DAYS(self) -> int:
        """Days for which the vendor usually restates its figures."""


@dataclass(frozen=True)
class Source:
    """Registration of a source. `api` says what it is loaded from, `kind` is Dagster's tag of that.

    A source without credentials is loaded if `is_enabled`. `reads_first` lists the (source, table) that must
    have landed before.
    """

    api: str
    kind: str
    loader: Loader
    settings: SourceSettings
    doctor: Examiner | None = None
    is_enabled: Callable[[], bool] | None = None
    reads_first: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """Name of the source."""
        return self.settings.SOURCE


@dataclass(frozen=True)
class Network(Source):
    """Registration of a source with daily figures.

    `unsettled_days` returns the days for which the landed accounts' figures can change, if some restate
    theirs for longer than RESTATEMENT_DAYS.
    """

    loader: DailyLoader
    settings: DailySettings
    unsettled_days: Callable[[Store], int] | None = None
