"""Keeps the raw stores of a small home that an older commit landed, as one archive of SQL and CSV files.

    git archive COMMIT | tar -x -C OLD
    python -m tests.recorded.homes.keep COMMIT OLD

The commit's own code loads ten days of its own simulated company of 60 people in an empty home.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
# runs with the older commit's code
_LAND = """
import json, sys
from datetime import datetime, timedelta
from ingestion import pipelines

now = datetime.fromisoformat(sys.argv[1])
for source in pipelines.SOURCES:
    for part in ("entities", "daily") if source.endswith("_ads") else ("entities",):
        days = pipelines.Window(now.date() - timedelta(days=9), now.date()) if part == "daily" else None
        pipelines.load(source, part, window=days, as_of=now)
"""


def land(old: Path, home: Path) -> None:
    """Land a home with the code in `old`."""
    environment = {**os.environ, "PYTHONPATH": str(old), "ADLEDGER_HOME": str(home)}
    sandbox = subprocess.Popen(
        [sys.executable, "-m", "sandbox.serve", "--port", "0", "--people", "60"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=old,
        env=environment,
    )
    try:
        assert sandbox.stdout is not None
        facts = json.loads(sandbox.stdout.readline())
        subprocess.run(
            [sys.executable, "-c", _LAND, facts["now"]],
            cwd=old,
            env={**environment, **facts["env"]},
            check=True,
        )
    finally:
        sandbox.terminate()
        sandbox.wait()


def keep(home: Path, archive: Path) -> None:
    """Write the raw stores of a home to an archive."""
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted((home / "raw").glob("*.duckdb")):
            target = Path(folder) / file.stem
            with duckdb.connect() as connection:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute(f"ATTACH '{file}' AS store (READ_ONLY)")
                connection.execute(f"EXPORT DATABASE store TO '{target}' (FORMAT csv)")
            load = target / "load.sql"
            load.write_text(load.read_text().replace(f"{target}/", ""))
        with tarfile.open(archive, "w:xz") as kept:
            kept.add(folder, arcname=".")


def restore(archive: Path, home: Path) -> None:
    """Make the raw stores of a kept home."""
    (home / "raw").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as kept:
            kept.extractall(folder, filter="data")
        for source in sorted(Path(folder).iterdir()):
            with duckdb.connect(str(home / "raw" / f"{source.name}.duckdb")) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute((source / "schema.sql").read_text())
                load = (source / "load.sql").read_text()
                connection.execute(load.replace("FROM '", f"FROM '{source}/"))


if __name__ == "__main__":
    commit, code = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        land(Path(code).resolve(), Path(place))
        keep(Path(place), HERE / f"{commit}.tar.xz")
