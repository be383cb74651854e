"""Runs and their events in the user's PostgreSQL database, with a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from adledger.cli import app
from tests.opened import free_port
from tests.postgres import PASSWORD, Postgres, programs, served_postgres
from tests.warehouse import without_sources

pytestmark = pytest.mark.skipif(programs() is None, reason="no PostgreSQL: apt-get install postgresql")

# a daily and another table of a source that is not set up
RUN = """
import sys, dagster as dg
from orchestration.execution.instance import use_instance
use_instance()
from orchestration.execution.job import refresh_job
from orchestration.execution.resources import settings_config
from ingestion.pipelines import Window
from datetime import UTC, date, datetime
keys = None if sys.argv[1] == "all" else [
    dg.AssetKey(["raw", "linkedin_ads", table]) for table in ("ad_accounts", "campaign_analytics")
]
with dg.DagsterInstance.get() as instance:
    result = dg.execute_job(
        dg.reconstructable(refresh_job), instance=instance, asset_selection=keys,
        run_config=settings_config(
            datetime(2026, 11, 1, 6, tzinfo=UTC), Window(date(2026, 10, 30), date(2026, 10, 31)), "all"
        ),
    )
    print(result.run_id)
    sys.exit(not result.success)
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with served_postgres() as postgres:
        yield postgres


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # restores the variables that use_instance() sets
    for name in ("DAGSTER_HOME", "ADLEDGER_INSTANCE_POSTGRES_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def _refused(home: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> str:
    """The one line that a refresh prints instead of loading anything."""
    monkeypatch.setenv("INSTANCE__POSTGRES_URL", address)
    result = CliRunner().invoke(app, ["refresh"])
    assert result.exit_code == 1
    assert not (home / "raw").exists()
    (line,) = (line for line in result.output.splitlines() if line != "Preparing")
    assert "instance.postgres_url" in line
    assert "INSTANCE__POSTGRES_URL" in line
    return line


@pytest.mark.parametrize("tables", ["two", pytest.param("all", marks=pytest.mark.long)])
def test_a_run_and_its_events_are_in_the_database(
    postgres: Postgres, home: Path, monkeypatch: pytest.MonkeyPatch, tables: str
) -> None:
    address = postgres.create(f"runs_{tables}")
    ran = subprocess.run(
        [sys.executable, "-c", RUN, tables],
        env=without_sources(dict(os.environ)) | {"INSTANCE__POSTGRES_URL": address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    run_id = ran.stdout.split()[-1]

    monkeypatch.setenv("ADLEDGER_INSTANCE_POSTGRES_URL", address.replace("://", "+psycopg2://", 1))
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        record = instance.get_run_record_by_id(run_id)
        assert record
        assert record.dagster_run.status is dg.DagsterRunStatus.SUCCESS
        event = instance.get_latest_materialization_event(
            dg.AssetKey(["raw", "linkedin_ads", "campaign_analytics"])
        )
        assert event
        assert event.run_id == run_id
    assert postgres.run(f"runs_{tables}", f"SELECT status FROM runs WHERE run_id = '{run_id}'") == [
        ("SUCCESS",)
    ]
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path.name for path in files if path.suffix == ".db"] == []
    secrets = (PASSWORD.encode(), address.encode())
    assert [path for path in files if any(secret in path.read_bytes() for secret in secrets)] == []


def test_a_database_belongs_to_one_home(
    postgres: Postgres, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from orchestration.execution.instance import use_instance

    address = postgres.create("taken")
    monkeypatch.setenv("INSTANCE__POSTGRES_URL", address)
    use_instance()
    use_instance()
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path / "other"))
    line = _refused(tmp_path / "other", monkeypatch, address)
    assert f"holds the runs of another home ({home})" in line
    # a separate schema is enough
    postgres.run("taken", "CREATE SCHEMA other")
    monkeypatch.setenv("INSTANCE__POSTGRES_URL", f"{address}?options=-csearch_path%3Dother")
    use_instance()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("no server", "Connection refused"),
        ("wrong password", "password authentication failed"),
        ("no database", 'database "nowhere" does not exist'),
    ],
)
def test_connection_errors_are_reported_without_the_password(
    postgres: Postgres, home: Path, monkeypatch: pytest.MonkeyPatch, fault: str, message: str
) -> None:
    address = {
        "no server": f"postgresql://adledger:se%20cret@127.0.0.1:{free_port()}/runs",
        "wrong password": postgres.address("postgres", password="se cret"),
        "no database": postgres.address("nowhere"),
    }[fault]
    line = _refused(home, monkeypatch, address)
    assert message in line
    for secret in ("se cret", "se%20cret", PASSWORD):
        assert secret not in line


# a refresh that loses the database during its first load
LOST = """
import sys, psycopg2
from orchestration.assets import raw
from adledger.cli import app

def load(*_, **__):
    connection = psycopg2.connect(sys.argv[1])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("ALTER DATABASE lost WITH ALLOW_CONNECTIONS false")
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'lost'")
    raise ValueError("the load ends")

raw.load = load
app(["refresh"])
"""


def test_a_database_that_is_lost_during_a_run_ends_it_with_one_line(postgres: Postgres, home: Path) -> None:
    address = postgres.create("lost")
    ran = subprocess.run(
        [sys.executable, "-c", LOST, postgres.address("postgres")],
        env=without_sources(dict(os.environ)) | {"INSTANCE__POSTGRES_URL": address},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert ran.stderr.startswith(
        "adledger: instance.postgres_url: the database that records the runs failed: "
    )
    assert "INSTANCE__POSTGRES_URL, then run the same command again" in ran.stderr.splitlines()[0]
    assert "Traceback" not in ran.stdout + ran.stderr
    assert not (home / "serving.duckdb").exists()
    written = ran.stdout + ran.stderr + (home / "logs" / "refresh.log").read_text()
    for secret in (PASSWORD, address, address.partition("://")[2]):
        assert secret not in written


@pytest.mark.parametrize(
    "address",
    ["mysql://host/runs", "postgresql://host", "postgresql:///runs", "host=/tmp", "postgresql://[x/runs"],
)
def test_an_invalid_database_url_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    line = _refused(home, monkeypatch, address)
    assert "is not a PostgreSQL URL with a host and a database" in line
