"""Alerts: once per fault, once when it is over, without secrets, whoever ran the refresh."""

# Annotations are not postponed here: Dagster reads them when a step is defined.
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
from orchestration.automation.alerts import ALERTED_TAG, Look, compare, read_run, report, report_run, safe
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
    def told(self) -> list[tuple[str, list[str]]]:
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


def look(by: Any = "run", over: bool = True, **holding: str) -> Look:
    return Look(by, {key: [line] for key, line in holding.items()}, lambda key: over)


def test_a_fault_is_news_once_and_over_once() -> None:
    first = compare({}, look(a="broken"))
    assert (first.news, first.over) == ([("a", ["broken"])], [])
    again = compare(first.known, look(a="broken in other words"))
    assert (again.news, again.over) == ([], [])
    unseen = compare(again.known, look(over=False))
    assert (unseen.over, unseen.known) == ([], again.known)
    ended = compare(unseen.known, look())
    assert (ended.news, ended.over, ended.known) == ([], [("a", ["broken"])], {})


def test_a_fault_that_two_kinds_of_look_saw_is_over_when_both_say_so() -> None:
    by_run = compare({}, look("run", a="late"))
    by_clock = compare(by_run.known, look("clock", a="late"))
    assert by_clock.news == []
    fresh_run = compare(by_clock.known, look("run"))
    assert fresh_run.over == []
    assert compare(fresh_run.known, look("clock")).over == [("a", ["late"])]


LOADED = dg.AssetKey(["raw", "google_ads", "campaigns"])


@dg.asset(key=LOADED)
def campaigns(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    match context.run.tags.get("story"):
        case "fails":
            raise dg.Failure(str(IngestionError("anna@example.com: access_token=s3cret is not accepted")))
        case "is stale":
            return dg.MaterializeResult(metadata={"status": "stale", "message": "the server keeps failing"})
    return dg.MaterializeResult(
        metadata={"status": "landed", "rows": 1, "quarantined": 0, "requests": {}, "from_files": False}
    )


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
        ("is stale", "something needs a look", ["google_ads is stale: the server keeps failing"]),
        ("is late", "something needs a look", ["is late: do this"]),
        ("warns", "something needs a look", ["warning: residual_share", "warns: do this"]),
    ],
)
def test_each_kind_of_fault_is_told_once_and_its_end_too(
    instance: dg.DagsterInstance, receiver: Receiver, story: str, title: str, body: list[str]
) -> None:
    for each in (story, story, "", ""):
        assert report_run(instance, run(instance, each)).warnings == []
    assert receiver.told == [
        (f"adledger: {title}", body),
        ("adledger: back to normal", [f"over: {body[0]}"]),
    ]


def test_another_fault_while_one_is_open_is_told(instance: dg.DagsterInstance, receiver: Receiver) -> None:
    for story in ("warns", "fails"):
        report_run(instance, run(instance, story))
    # the failed run evaluated no check: the warning is not over
    assert [title for title, _ in receiver.told] == [
        "adledger: something needs a look",
        "adledger: the refresh failed",
    ]
    assert len(receiver.told[1][1]) == 1


def test_the_command_line_and_the_sensor_never_tell_the_same_run(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    first = _tick(instance, None)
    failed = run(instance, "fails")
    assert report_run(instance, failed, read_run(instance, failed)).warnings == []
    second = _tick(instance, first.cursor)
    report_run(instance, failed)
    assert len(receiver.got) == 1
    run(instance)
    third = _tick(instance, second.cursor)
    _tick(instance, third.cursor)
    assert [title for title, _ in receiver.told] == [
        "adledger: the refresh failed",
        "adledger: back to normal",
    ]


def test_a_run_executed_again_is_not_taken_for_the_one_that_was_told(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    failed = run(instance, "fails")
    report_run(instance, failed)
    job = DEFS.resolve_job_def("refresh")
    again = job.execute_in_process(instance=instance, tags={ALERTED_TAG: failed})
    report_run(instance, again.run_id)
    assert [title for title, _ in receiver.told][1:] == ["adledger: back to normal"]


def test_what_reached_nobody_is_told_at_the_next_tick(
    instance: dg.DagsterInstance, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _tick(instance, None)
    monkeypatch.setenv("ALERTS__URLS", "json://127.0.0.1:9/nobody")
    run(instance, "fails")
    second = _tick(instance, first.cursor)
    monkeypatch.setenv("ALERTS__URLS", receiver.url)
    third = _tick(instance, second.cursor)
    _tick(instance, third.cursor)
    assert [title for title, _ in receiver.told] == ["adledger: the refresh failed"]


@pytest.mark.parametrize(
    ("dead", "why"),
    [("json://127.0.0.1:9/hook-secret", "did not take"), ("https://127.0.0.1/hook-secret", "no address")],
)
def test_a_dead_webhook_is_a_warning_that_shows_no_secret_and_keeps_nobody_else_in_the_dark(
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    dead: str,
    why: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("ALERTS__URLS", f"{dead}, {receiver.url}")
    sent = report(look(a="broken"))
    assert sent.done
    (line,) = sent.warnings
    assert line.startswith("alerts.urls: entry 1 ")
    assert why in line
    assert receiver.told == [("adledger: something needs a look", ["broken"])]
    shown = capfd.readouterr()
    logged = "".join(
        record.getMessage() for record in caplog.records if record.name != "urllib3.connectionpool"
    )
    assert "hook-secret" not in line + logged + shown.out + shown.err


def test_without_addresses_nothing_is_sent_and_nothing_counts_as_told(
    home: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALERTS__URLS")
    assert report(look(a="broken")).done
    assert not (home / "alerts.json").exists()
    monkeypatch.setenv("ALERTS__URLS", receiver.url)
    report(look(a="broken"))
    assert len(receiver.got) == 1


def test_the_rows_of_a_broken_contract_stay_at_home() -> None:
    example: Mapping[str, str | None] = {"contact_id": "70411519751"}
    violation = Violation("is null", "session_id", 3, [dict(example)])
    assert "70411519751" in violation.line("marts.fct_sessions")
    assert safe(violation.line("marts.fct_sessions")) == "marts.fct_sessions.session_id: is null in 3 rows"


def test_late_sources_are_told_by_the_clock_once(
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
    assert receiver.told == [
        ("adledger: something needs a look", ["google_ads is late", "landing_pages is late"]),
        ("adledger: back to normal", ["over: google_ads is late", "over: landing_pages is late"]),
    ]


def _tick(instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    found = watch(dg.build_sensor_context(instance=instance, cursor=cursor))
    assert isinstance(found, dg.SensorResult)
    return found
