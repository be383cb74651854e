"""Alerts are sent once per fault and once when it is resolved, without secrets, for every refresh."""

# No postponed annotations: Dagster reads them when a step is defined.
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingestion.errors import IngestionError
from orchestration.automation.alerts import (
    ALERTED_TAG,
    Observation,
    compare,
    read_progress,
    redact_line,
    report,
    report_run,
)
from orchestration.automation.sensors import watch
from orchestration.checks.contracts import Violation
from orchestration.checks.freshness import NEWEST_DAY

pytestmark = pytest.mark.builds


@dataclass
class Receiver:
    """A webhook on this machine."""

    port: int = 0
    got: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/hook-secret"

    @property
    def alerts(self) -> list[tuple[str, list[str]]]:
        return [(alert["title"], alert["message"].splitlines()) for alert in self.got]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    found = Receiver()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Hook)
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("ALERTS__URLS", found.url)
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def observed(by: Any = "run", resolved: bool = True, **faults: str) -> Observation:
    return Observation(by, {key: [line] for key, line in faults.items()}, lambda key: resolved)


def test_a_fault_is_new_once_and_resolved_once() -> None:
    first = compare({}, observed(a="broken"))
    assert (first.new, first.resolved) == ([("a", ["broken"])], [])
    again = compare(first.open_faults, observed(a="broken in other words"))
    assert (again.new, again.resolved) == ([], [])
    unseen = compare(again.open_faults, observed(resolved=False))
    assert (unseen.resolved, unseen.open_faults) == ([], again.open_faults)
    ended = compare(unseen.open_faults, observed())
    assert (ended.new, ended.resolved, ended.open_faults) == ([], [("a", ["broken"])], {})


def test_a_fault_seen_by_two_kinds_of_observation_is_resolved_by_both() -> None:
    by_run = compare({}, observed("run", a="late"))
    by_clock = compare(by_run.open_faults, observed("clock", a="late"))
    assert by_clock.new == []
    fresh_run = compare(by_clock.open_faults, observed("run"))
    assert fresh_run.resolved == []
    assert compare(fresh_run.open_faults, observed("clock")).resolved == [("a", ["late"])]


LOADED = dg.AssetKey(["raw", "google_ads", "campaigns"])


@dg.asset(key=LOADED)
def campaigns(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    match context.run.tags.get("story"):
        case "fails":
            raise dg.Failure(str(IngestionError("anna@example.com: access_token=s3cret is not accepted")))
        case "is stale":
            return dg.MaterializeResult(metadata={"status": "stale", "message": "the server keeps failing"})
    landed = {"status": "landed", "rows": 1, "quarantined": 0, "requests": {}, "from_files": False}
    left_out = ["1234567890"] if context.run.tags.get("story") == "is partial" else []
    return dg.MaterializeResult(metadata={**landed, "left_out": left_out})


def _check(name: str, story: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=LOADED, name=name)
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        late = context.run.tags.get("story") == story
        return dg.AssetCheckResult(
            passed=not late,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"messages": [f"{story}: do this"] if late else []},
        )

    return check


DEFS = dg.Definitions(
    assets=[campaigns],
    asset_checks=[_check(NEWEST_DAY, "is late"), _check("residual_share", "warns")],
    jobs=[dg.define_asset_job("refresh")],
)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


def run(instance: dg.DagsterInstance, story: str = "") -> str:
    job = DEFS.resolve_job_def("refresh")
    result = job.execute_in_process(instance=instance, tags={"story": story}, raise_on_error=False)
    return result.run_id


@pytest.mark.parametrize(
    ("story", "title", "body"),
    [
        ("fails", "the refresh failed", ["<e-mail>: access_token=<secret> is not accepted"]),
        ("is stale", "attention needed", ["google_ads is stale: the server keeps failing"]),
        (
            "is partial",
            "attention needed",
            ["google_ads was loaded without account 1234567890: see reconciliation.load_faults"],
        ),
        ("is late", "attention needed", ["is late: do this"]),
        ("warns", "attention needed", ["warning: residual_share", "warns: do this"]),
    ],
)
def test_each_kind_of_fault_is_reported_once_and_so_is_its_end(
    instance: dg.DagsterInstance, receiver: Receiver, story: str, title: str, body: list[str]
) -> None:
    for each in (story, story, "", ""):
        assert report_run(instance, run(instance, each)).warnings == []
    assert receiver.alerts == [
        (f"adledger: {title}", body),
        ("adledger: back to normal", [f"resolved: {body[0]}"]),
    ]


def test_another_fault_while_one_is_open_is_reported(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    for story in ("warns", "fails"):
        report_run(instance, run(instance, story))
    # the failed run evaluated no checks, so the warning is not resolved
    assert [title for title, _ in receiver.alerts] == [
        "adledger: attention needed",
        "adledger: the refresh failed",
    ]
    assert len(receiver.alerts[1][1]) == 1


def test_the_command_line_and_the_sensor_never_report_the_same_run(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    first = _tick(instance, None)
    failed = run(instance, "fails")
    assert report_run(instance, failed, read_progress(instance, failed)).warnings == []
    second = _tick(instance, first.cursor)
    report_run(instance, failed)
    assert len(receiver.got) == 1
    run(instance)
    third = _tick(instance, second.cursor)
    _tick(instance, third.cursor)
    assert [title for title, _ in receiver.alerts] == [
        "adledger: the refresh failed",
        "adledger: back to normal",
    ]


def test_a_re_executed_run_is_reported_as_a_run_of_its_own(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    failed = run(instance, "fails")
    report_run(instance, failed)
    job = DEFS.resolve_job_def("refresh")
    again = job.execute_in_process(instance=instance, tags={ALERTED_TAG: failed})
    report_run(instance, again.run_id)
    assert [title for title, _ in receiver.alerts][1:] == ["adledger: back to normal"]


def test_an_alert_that_failed_is_sent_at_the_next_tick(
    instance: dg.DagsterInstance, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _tick(instance, None)
    monkeypatch.setenv("ALERTS__URLS", "json://127.0.0.1:9/nobody")
    run(instance, "fails")
    second = _tick(instance, first.cursor)
    monkeypatch.setenv("ALERTS__URLS", receiver.url)
    third = _tick(instance, second.cursor)
    _tick(instance, third.cursor)
    assert [title for title, _ in receiver.alerts] == ["adledger: the refresh failed"]


@pytest.mark.parametrize(
    ("dead", "why"),
    [("json://127.0.0.1:9/hook-secret", "did not accept"), ("https://127.0.0.1/hook-secret", "not a URL")],
)
def test_a_dead_webhook_is_a_warning_without_secrets_and_does_not_affect_others(
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    dead: str,
    why: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("ALERTS__URLS", f"{dead}, {receiver.url}")
    sent = report(observed(a="broken"))
    assert sent.done
    (line,) = sent.warnings
    assert line.startswith("alerts.urls: entry 1 ")
    assert why in line
    assert receiver.alerts == [("adledger: attention needed", ["broken"])]
    shown = capfd.readouterr()
    logged = "".join(
        record.getMessage() for record in caplog.records if record.name != "urllib3.connectionpool"
    )
    assert "hook-secret" not in line + logged + shown.out + shown.err


def test_without_urls_nothing_is_sent_or_recorded_as_sent(
    home: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALERTS__URLS")
    assert report(observed(a="broken")).done
    assert not (home / "alerts.json").exists()
    monkeypatch.setenv("ALERTS__URLS", receiver.url)
    report(observed(a="broken"))
    assert len(receiver.got) == 1


def test_alerts_contain_no_rows_of_a_violated_contract() -> None:
    example: Mapping[str, str | None] = {"contact_id": "70411519751"}
    violation = Violation("is null", "session_id", 3, [dict(example)])
    assert "70411519751" in violation.line("marts.fct_sessions")
    assert (
        redact_line(violation.line("marts.fct_sessions"))
        == "marts.fct_sessions.session_id: is null in 3 rows"
    )


def test_late_sources_are_reported_once_between_refreshes(
    instance: dg.DagsterInstance, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__GOOGLE_ADS__CLIENT_ID", "a-client")
    monkeypatch.setattr(
        "orchestration.automation.sensors.late_days", lambda source, now, limits: f"{source} is late"
    )
    result = _tick(instance, None)
    _tick(instance, result.cursor)
    assert "google_ads is late" in str(result.skip_reason)
    monkeypatch.setattr("orchestration.automation.sensors.late_days", lambda source, now, limits: None)
    _tick(instance, result.cursor)
    assert receiver.alerts == [
        ("adledger: attention needed", ["google_ads is late", "landing_pages is late"]),
        ("adledger: back to normal", ["resolved: google_ads is late", "resolved: landing_pages is late"]),
    ]


def _tick(instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    found = watch(dg.build_sensor_context(instance=instance, cursor=cursor))
    assert isinstance(found, dg.SensorResult)
    return found
