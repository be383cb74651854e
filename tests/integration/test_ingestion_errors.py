"""Errors are one line with the setting and without secrets; a source without credentials is skipped."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from ingestion import pipelines
from ingestion.errors import AccountLeftOut
from tests.recorded.server import Exchange, serve
from tests.recorded.world import AS_OF, SECRETS, WINDOW, configure, rows, types

PARTS = [(source, part) for source in pipelines.VENDORS for part in pipelines.parts(source)]


def failure(source: str, part: str = "entities") -> tuple[type[Exception], str]:
    with pytest.raises(pipelines.IngestionError) as caught:
        pipelines.load(source, part, window=WINDOW, as_of=AS_OF)
    line = str(caught.value)
    assert "\n" not in line
    assert not [secret for secret in SECRETS if secret in line]
    return caught.type, line


_REFUSALS = {
    "hubspot": (
        {"status": "error", "message": "Authentication pat-eu1-secret invalid", "category": "X"},
        401,
    ),
    "facebook_ads": ({"error": {"message": "Invalid OAuth access token EAAB-secret", "code": 190}}, 400),
    "linkedin_ads": (
        {"message": "Invalid access token AQX-secret", "status": 401, "serviceErrorCode": 65600},
        401,
    ),
}


@pytest.mark.parametrize("source", _REFUSALS)
def test_a_wrong_token_is_reported_with_its_setting(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(source) as server:
        configure(monkeypatch, tmp_path, source, server)
        answer, status = _REFUSALS[source]
        for exchange in server.exchanges:
            exchange.answer, exchange.status = answer, status
        kind, line = failure(source)

    assert kind is pipelines.AccessError
    assert line.startswith(f"sources.{source}.access_token was refused ({status})")


def test_a_wrong_refresh_token_is_reported_with_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve("google_ads") as server:
        configure(monkeypatch, tmp_path, "google_ads", server)
        grant = {"error": "invalid_grant", "error_description": "Token 1//refresh-secret has been revoked."}
        server["token"].answer, server["token"].status = grant, 400
        kind, line = failure("google_ads")

    assert kind is pipelines.AccessError
    assert line.startswith("sources.google_ads.refresh_token was refused (400): invalid_grant")


@pytest.mark.parametrize("source", ["hubspot", "google_ads"])
def test_an_unreachable_server_fails_fast_with_its_address(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configure(monkeypatch, tmp_path, source, None)
    for key in ("BASE_URL", "TOKEN_URL"):
        monkeypatch.setenv(f"SOURCES__{source}__{key}".upper(), f"http://127.0.0.1:{port}/token")
    started = time.monotonic()
    kind, line = failure(source)

    assert kind is pipelines.UnreachableError
    assert time.monotonic() - started < 8
    setting = "token_url" if source == "google_ads" else "base_url"
    assert line.startswith(f"sources.{source}.{setting}: 127.0.0.1:{port} cannot be reached")


def test_an_unknown_account_is_reported_with_setting_and_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve("google_ads") as server:
        configure(monkeypatch, tmp_path, "google_ads", server)
        monkeypatch.setenv("SOURCES__GOOGLE_ADS__CUSTOMER_IDS", "123-000-0000")
        denied = {"errorCode": {"authorizationError": "USER_PERMISSION_DENIED"}, "message": "No permission."}
        error = {
            "code": 403,
            "message": "x",
            "status": "PERMISSION_DENIED",
            "details": [{"errors": [denied]}],
        }
        path = "/v26/customers/1230000000/googleAds:searchStream"
        server.first(Exchange("denied", path, method="POST", status=403, answer=[{"error": error}]))
        assert failure("google_ads")[0] is AccountLeftOut
        assert failure("google_ads")[1].startswith(
            "sources.google_ads.customer_ids: account 1230000000 is unknown"
        )
    with serve("facebook_ads") as server:
        configure(monkeypatch, tmp_path, "facebook_ads", server)
        monkeypatch.setenv("SOURCES__FACEBOOK_ADS__ACCOUNT_IDS", '["act_42"]')
        missing = {"error": {"message": "Object does not exist", "code": 100, "error_subcode": 33}}
        server.first(Exchange("missing", "/v26.0/act_42", status=400, answer=missing))
        assert failure("facebook_ads")[0] is AccountLeftOut
        assert failure("facebook_ads")[1].startswith(
            "sources.facebook_ads.account_ids: account 42 is unknown"
        )
    with serve("linkedin_ads") as server:
        configure(monkeypatch, tmp_path, "linkedin_ads", server)
        monkeypatch.setenv("SOURCES__LINKEDIN_ADS__ACCOUNT_IDS", "77")
        # LinkedIn returns an empty 200 for figures of an account without access
        assert failure("linkedin_ads", "daily")[0] is AccountLeftOut
        assert failure("linkedin_ads")[1].startswith(
            "sources.linkedin_ads.account_ids: account 77 is unknown"
        )


@pytest.mark.parametrize("source", pipelines.VENDORS)
def test_an_html_page_is_an_error(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(source) as server:
        configure(monkeypatch, tmp_path, source, server)
        for exchange in server.exchanges:
            exchange.raw, exchange.headers = "<html>hello</html>", {"Content-Type": "text/html"}
        kind, line = failure(source)

        asked = Counter(request.target for request in server.requests)
        assert max(asked.values()) <= 3, "a page of a gateway may be gone the next time, not the fourth"
    assert kind is pipelines.ResponseError
    assert f"sources.{source}." in line
    assert "not JSON" in line


def test_other_json_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve("hubspot") as server:
        configure(monkeypatch, tmp_path, "hubspot", server)
        server["contacts 1"].answer = {"hello": "world"}
        kind, line = failure("hubspot")

    assert kind is pipelines.ResponseError
    assert line.startswith(
        "sources.hubspot.base_url: /crm/objects/2026-09/contacts sent JSON without results"
    )


@pytest.mark.parametrize(
    ("source", "unset", "named"),
    [
        ("google_ads", "CLIENT_SECRET", "sources.google_ads.client_secret"),
        ("google_ads", "REFRESH_TOKEN", "sources.google_ads.refresh_token"),
    ],
)
def test_partial_credentials_report_the_missing_one(
    source: str, unset: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, tmp_path, source, None)
    monkeypatch.delenv(f"SOURCES__{source}__{unset}".upper())
    kind, line = failure(source)

    assert kind is pipelines.SettingError
    assert line.startswith(f"{named} is not set although sources.google_ads.client_id is")


def test_a_malformed_setting_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, tmp_path, "facebook_ads", None)
    monkeypatch.setenv("SOURCES__FACEBOOK_ADS__ACCOUNT_IDS", "act_12,shop")
    assert failure("facebook_ads") == (
        pipelines.SettingError,
        'sources.facebook_ads.account_ids contains "shop", which is not an id: use digits only',
    )
    monkeypatch.setenv("SOURCES__FACEBOOK_ADS__BASE_URL", "graph.facebook.com")
    assert failure("facebook_ads")[1].startswith("sources.facebook_ads.base_url is not an http(s) URL")


@pytest.mark.parametrize(("source", "part"), PARTS)
def test_a_source_without_credentials_is_skipped_and_its_tables_exist(
    source: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    said: list[str] = []
    report = pipelines.load(source, part, window=WINDOW, as_of=AS_OF, progress=said.append)

    assert report.skipped
    assert report.message == said[0]
    assert report.message.startswith(f"{source}: skipped, no credentials (set sources.{source}.")
    declared = pipelines.build_source(source, part, WINDOW, AS_OF).selected_resources
    for table in [*declared, "quarantine", "load_counts"]:
        assert rows(tmp_path, source, table) == []
    assert types(tmp_path, source, "load_counts")["received"] == "BIGINT"
    assert pipelines.landed_days(source) is None


def test_skipping_a_source_keeps_its_landed_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve("hubspot") as server:
        configure(monkeypatch, tmp_path, "hubspot", server)
        pipelines.load("hubspot", "entities", window=None, as_of=AS_OF)
        monkeypatch.delenv("SOURCES__HUBSPOT__ACCESS_TOKEN")
        assert pipelines.load("hubspot", "entities", window=None, as_of=AS_OF).skipped

    assert len(rows(tmp_path, "hubspot", "contacts")) == 4


def test_building_a_source_reads_no_settings_and_sends_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("not at definition time")

    monkeypatch.setattr("ingestion.config.Settings.get", refuse)
    monkeypatch.setattr("urllib3.PoolManager.__init__", refuse)
    for source, part in PARTS:
        assert pipelines.build_source(source, part, None, AS_OF).resources
    with pytest.raises(ValueError, match="hubspot has no part daily"):
        pipelines.build_source("hubspot", "daily", None, AS_OF)


def test_settings_come_from_the_dlt_files_of_the_current_directory_and_homes_stay_apart(
    tmp_path: Path,
) -> None:
    script = (
        "import os; from datetime import *; from ingestion import pipelines as p\n"
        "for home in ('a', 'b'):\n"
        "    os.environ['ADLEDGER_HOME'] = home\n"
        "    print(p.load('facebook_ads', 'entities', window=None, as_of=datetime.now(UTC)).rows['ads'])\n"
    )
    with serve("facebook_ads") as server:
        (tmp_path / ".dlt").mkdir()
        config = f'[sources.facebook_ads]\nbase_url = "{server.url}"\naccount_ids = [1700252]\n'
        (tmp_path / ".dlt" / "config.toml").write_text(config)
        (tmp_path / ".dlt" / "secrets.toml").write_text(
            '[sources.facebook_ads]\naccess_token = "EAAB-secret"\n'
        )
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SOURCES__")}
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert (done.stdout, done.stderr) == ("1\n1\n", "")
    for home in ("a", "b"):
        assert len(rows(tmp_path / home, "facebook_ads", "campaigns")) == 2
