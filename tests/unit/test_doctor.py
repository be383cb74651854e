"""Findings of the doctor and their presentation, without any server."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from rich.console import Console
from typer.testing import CliRunner

from adledger.cli import app
from adledger.terminal import findings as doctor
from ingestion.doctor import is_skipped
from ingestion.http.faults import Fault
from ingestion.sources.facebook_ads import doctor as facebook_doctor
from ingestion.sources.facebook_ads import settings as facebook_settings
from ingestion.sources.google_ads import doctor as google_doctor
from ingestion.sources.google_ads import settings as google_settings
from ingestion.sources.hubspot import doctor as hubspot_doctor
from ingestion.sources.hubspot import settings as hubspot_settings
from ingestion.sources.linkedin_ads import doctor as linkedin_doctor
from ingestion.sources.probe import Finding, Level, Probe, Refused, Sunset, VendorAnswer

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def probe() -> Probe:
    return Probe("hubspot", NOW)


@pytest.mark.parametrize(
    ("day", "level"),
    [
        (date(2027, 1, 22), "ok"),
        (date(2027, 1, 21), "warning"),
        (date(2026, 11, 24), "warning"),
        (date(2026, 11, 23), "error"),
        (None, "ok"),
    ],
)
def test_a_version_warns_sixty_days_before_its_end(probe: Probe, day: date | None, level: Level) -> None:
    finding = probe.version("2026-09", "api_version", Sunset(day, "https://example.test"))

    assert finding.level == level
    assert (finding.fix is not None) == (level != "ok")
    assert probe.version("2031-03", "api_version", None).level == "note"


def test_the_version_in_use_has_a_known_end() -> None:
    assert hubspot_settings.API_VERSION in hubspot_doctor.SUNSETS
    assert google_settings.API_VERSION in google_doctor.SUNSETS
    assert facebook_settings.API_VERSION in facebook_doctor.SUNSETS


@pytest.mark.parametrize(
    ("version", "day", "exact"),
    [("202601", date(2027, 1, 15), True), ("202607", date(2027, 7, 15), False), ("202699", None, False)],
)
def test_a_linkedin_version_is_supported_for_a_year(version: str, day: date | None, exact: bool) -> None:
    found = linkedin_doctor.sunset(version)

    assert (found.day if found else None) == day
    assert found is None or found.exact is exact


@pytest.mark.parametrize(
    ("left", "renewed", "level"),
    [(15, False, "ok"), (13, False, "warning"), (-1, False, "error"), (0.02, True, "ok")],
)
def test_a_token_warns_two_weeks_before_its_end(
    probe: Probe, left: float, renewed: bool, level: Level
) -> None:
    finding = probe.expiry("token", NOW + timedelta(days=left), "Make a new one.", renewed)

    assert finding.level == level
    assert (finding.fix is not None) == (level != "ok")


@pytest.mark.parametrize(("percent", "level"), [(74.9, "ok"), (75, "warning"), (100, "error")])
def test_low_headroom_is_a_warning_or_error(probe: Probe, percent: float, level: Level) -> None:
    assert probe.limit_usage(percent, "used", "Wait.").level == level


@pytest.mark.parametrize(
    ("detail", "fix"),
    [
        (
            "sources.hubspot.base_url: ConnectError: [Errno -2] Name or service not known",
            "Correct the host in sources.hubspot.base_url (SOURCES__HUBSPOT__BASE_URL)",
        ),
        (
            "sources.google_ads.token_url: ConnectError: [Errno 8] nodename nor servname provided",
            "Correct the host in sources.hubspot.token_url",
        ),
        ("ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "SSL_CERT_FILE"),
        ("ConnectError: [SSL: WRONG_VERSION_NUMBER]", "is an https server"),
        ("ConnectTimeout: timed out", "HTTPS_PROXY"),
    ],
)
def test_an_unreachable_host_has_a_fix(probe: Probe, detail: str, fix: str) -> None:
    finding = probe.explain(Refused("unreachable", 0, detail), "HubSpot", "")

    assert (finding.check, finding.level) == ("reachability", "error")
    assert fix in (finding.fix or "")


def test_a_throttled_vendor_shows_when_the_limit_resets(probe: Probe) -> None:
    seen = VendorAnswer(429, {}, None, Fault("throttled", "slow down", wait=330.0))
    finding = probe.explain(Refused("throttled", 429, "slow down", seen), "LinkedIn", "")

    assert finding.check == "rate_limit"
    assert "in 330 s" in (finding.fix or "")


def test_a_finding_shows_no_secret(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__HUBSPOT__ACCESS_TOKEN", "pat-eu1-secret")
    finding = probe.finding(
        "credentials", "error", "pat-eu1-secret of ann@ex.test", "Ask ann@ex.test for pat-eu1-secret."
    )

    assert finding.seen == "<secret> of <e-mail>"
    assert finding.fix == "Ask <e-mail> for <secret>."


def test_a_hanging_server_is_not_retried_for_minutes() -> None:
    slept: list[float] = []
    probe = Probe("hubspot", NOW, sleep=slept.append)
    probe.ask(lambda: None)  # type: ignore[arg-type, return-value]  # no answer is needed
    probe._pause(0.3)

    with pytest.raises(Exception, match="no answer within"):
        probe._pause(30.0)
    assert slept == [0.3]


FINDINGS = [
    Finding("hubspot", "api_version", "ok", "2026-09, until about 2028-03-08"),
    Finding("hubspot", "permissions", "ok", "contacts", subject="crm.objects.contacts.read"),
    Finding("hubspot", "permissions", "ok", "deals", subject="crm.objects.deals.read"),
    Finding(
        "hubspot",
        "permissions",
        "warning",
        "scope crm.lists.read is missing: no ad-interaction lists: HubSpot's own count is not compared",
        "Add the scope crm.lists.read: in HubSpot, Development > Keys > Service keys > your key.",
        "crm.lists.read",
    ),
    Finding("hubspot", "clock", "error", "this machine is 900 s [ahead] of HubSpot", "Set the clock."),
]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    def examine(_source: str) -> Iterator[Finding]:
        yield from FINDINGS

    monkeypatch.setattr(doctor, "examine", examine)


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize("width", [60, 80, 120])
def test_findings_are_shown_completely_at_any_width(width: int) -> None:
    console = Console(width=width, file=io.StringIO(), record=True)
    assert doctor.show(console, ["hubspot"]) is False
    text = console.export_text()

    assert max(map(len, text.splitlines())) <= width
    words = text.split()
    for finding in FINDINGS:
        for part in (finding.seen, finding.fix or ""):
            assert set(part.split()) <= {word.rstrip(",") for word in words} | set(words)
    assert "1 error, 1 warning" in " ".join(words)


@pytest.mark.usefixtures("found")
def test_ok_findings_share_one_line_below_the_others() -> None:
    console = Console(width=120, file=io.StringIO(), record=True)
    doctor.show(console, ["hubspot"])
    lines = [line.split()[:2] for line in console.export_text().splitlines() if " permissions " in line]

    assert lines == [["!", "permissions"], ["✓", "permissions"]]


@pytest.mark.usefixtures("found")
def test_a_repeated_source_is_examined_once() -> None:
    assert [source for source, _ in doctor.findings(["hubspot", "hubspot"], Console(quiet=True))] == [
        "hubspot"
    ]


def test_without_settings_it_shows_how_to_start() -> None:
    result = CliRunner().invoke(app, ["doctor"])

    assert result.exit_code == 0
    assert "adledger demo" in result.output
    assert "[sources.linkedin_ads]" in result.output
    assert is_skipped([Finding("hubspot", "settings", "note", "skipped")])
