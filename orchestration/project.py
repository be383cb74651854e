"""The dbt project: its manifest, build arguments, and the faults of a build."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import duckdb
from dagster_dbt import DbtCliResource, DbtProject
from dagster_dbt.compat import DBT_PYTHON_VERSION

from ingestion.errors import redact
from ingestion.pipelines import home
from orchestration.execution.locking import file_lock

PROJECT_DIR = Path(__file__).resolve().parent.parent / "dbt_project"
# dbt of this Python environment; PATH may have none, or dbt with another adapter.
DBT_EXECUTABLE = Path(sys.executable).parent / "dbt"
PUBLISHED_SCHEMAS = ("marts", "reconciliation")
# Schema in which dbt stores the rows of failed checks, and the number of rows to show.
CHECKS_SCHEMA = "checks"
MESSAGES = 5

# dbt puts the failed node and its path before the error message
_ERROR_PREFIX = re.compile(r"^\w+ Error in .*? \(\S+\) ")
_INPUTS = ("models", "macros", "seeds", "tests", "snapshots")
# File beside a manifest with the hash of what it was parsed from.
_STAMP = "parsed_from"


def shipped_dir() -> Path:
    """Folder of the parsed project that `make setup` creates for all homes."""
    return PROJECT_DIR / "target" / "shipped"


def target_dir() -> Path:
    """Folder of the home's own parsed project, used if the shipped one is outdated."""
    return home() / "dbt" / "target"


def build_dir() -> Path:
    """Folder of the artifacts of a build, and of its log if DBT_LOG_LEVEL_FILE enables one."""
    return home() / "dbt" / "build"


def spilled_dir() -> Path:
    """Folder in which a build spills rows that do not fit into memory (adledger_home.py)."""
    return home() / "dbt" / "spilled"


def warehouse_path() -> Path:
    """Path of the DuckDB file that dbt builds."""
    return home() / "warehouse.duckdb"


# Production builds skip unit tests, which only depend on the code and run in CI.
BUILD_ARGUMENTS = ("build", "--exclude", "resource_type:unit_test")


def build_environment(as_of: datetime) -> dict[str, str]:
    """Environment variables of a build: its as-of and the hash of the project."""
    return {
        "ADLEDGER_AS_OF": as_of.astimezone(UTC).isoformat(),
        "ADLEDGER_PROJECT_HASH": project_hash(),
    }


def parse(target: Path) -> None:
    """Parses the project into `target` from scratch, with a stamp of the content that it was parsed from.

    dbt's partial parse skips a file whose modification time is unchanged, whatever its content.
    """
    stamp, content = target / _STAMP, parse_hash()
    target.mkdir(parents=True, exist_ok=True)
    # before the parse: a parse that is interrupted leaves no valid stamp
    stamp.unlink(missing_ok=True)
    dbt_cli().cli(["--no-partial-parse", "parse", "--quiet"], target_path=target).wait()
    stamp.write_text(content)


def reuse_parsed(parsed: Path, used: Path) -> None:
    """Copies dbt's partial parse from the folder `parsed` to `used`, so that dbt parses nothing again.

    A partial parse of other content is deleted from `used`.
    """
    if is_current(used):
        return
    source, copy = (folder / "partial_parse.msgpack" for folder in (parsed, used))
    copy.unlink(missing_ok=True)
    if source.exists() and is_current(parsed):
        used.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        shutil.copyfile(parsed / _STAMP, used / _STAMP)


def project_hash(project_dir: Path = PROJECT_DIR) -> str:
    """Hash of all files that define the models. Incremental models are rebuilt when it changes."""
    content = hashlib.sha256()
    files = [path for folder in _INPUTS for path in (project_dir / folder).rglob("*") if path.is_file()]
    for path in sorted([*files, project_dir / "dbt_project.yml"]):
        content.update(str(path.relative_to(project_dir)).encode() + b"\0" + path.read_bytes())
    return content.hexdigest()


def parse_hash(project_dir: Path = PROJECT_DIR) -> str:
    """Hash of everything that a parse depends on: the project, its path, its profile and dbt's version."""
    content = hashlib.sha256()
    profile = (project_dir / "profiles.yml").read_bytes()
    for part in (project_hash(project_dir), str(project_dir), str(DBT_PYTHON_VERSION)):
        content.update(part.encode() + b"\0")
    content.update(profile)
    return content.hexdigest()


def is_current(parsed: Path, project_dir: Path = PROJECT_DIR) -> bool:
    """True if the folder `parsed` was parsed from the project as it is now.

    The content decides. Modification times do not: files from an archive or an image can be older than the
    parse of the version before.
    """
    stamp = parsed / _STAMP
    is_stamped = stamp.exists() and (parsed / "partial_parse.msgpack").exists()
    return is_stamped and stamp.read_text() == parse_hash(project_dir)


class _DbtCli(DbtCliResource):
    """Skips two slow steps of dagster-dbt: starting dbt for its version, and an adapter that is not used."""

    @cached_property
    def _cli_version(self) -> Any:
        return DBT_PYTHON_VERSION

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


def dbt_cli() -> DbtCliResource:
    """Returns the dbt command line for this project and home."""
    # used in profiles.yml
    os.environ["ADLEDGER_HOME"] = str(home())
    # dbt would log every query at debug level; the user can override this
    os.environ.setdefault("DBT_LOG_LEVEL_FILE", "none")
    project = str(PROJECT_DIR)
    return _DbtCli(project_dir=project, profiles_dir=project, dbt_executable=str(DBT_EXECUTABLE))


@cache
def prepared_project() -> DbtProject:
    """Returns the project with a current manifest; parses it only if there is none."""
    if is_current(shipped_dir()):
        return DbtProject(PROJECT_DIR, target_path=shipped_dir(), profiles_dir=PROJECT_DIR)
    target_dir().mkdir(parents=True, exist_ok=True)
    # several processes may load the definitions at the same time
    with file_lock(target_dir() / "parse.lock", wait=True):
        if not is_current(target_dir()):
            parse(target_dir())
    return DbtProject(PROJECT_DIR, target_path=target_dir(), profiles_dir=PROJECT_DIR)


@cache
def manifest() -> Mapping[str, Any]:
    """Returns the parsed manifest."""
    content: Mapping[str, Any] = json.loads(prepared_project().manifest_path.read_bytes())
    return content


def published_models(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yields the models of the published schemas, in a stable order."""
    for _, node in sorted(content["nodes"].items()):
        if node["resource_type"] == "model" and node["schema"] in PUBLISHED_SCHEMAS:
            yield node


def metrics_by_model(content: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Metrics by the id of the model they use; a ratio uses the models of both sides."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for _, metric in sorted(content["metrics"].items()):
        for model in dict.fromkeys(_models_of(metric, content)):
            found.setdefault(model, []).append(metric)
    return found


def _models_of(node: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[str]:
    parents = {**content["metrics"], **content["semantic_models"]}
    for parent in node["depends_on"]["nodes"]:
        if parent in parents:
            yield from _models_of(parents[parent], content)
        else:
            yield parent


def build_faults(run_results: Mapping[str, Any], content: Mapping[str, Any]) -> list[str]:
    """Returns one line per failed node, without nodes that were skipped because of another failure.

    Messages that our SQL raises with DuckDB's error() (`adledger: …`) are returned unchanged. Other
    messages follow the name of their node.
    """
    lines = []
    for result in run_results["results"]:
        if result["status"] not in ("error", "fail", "runtime error"):
            continue
        node = content["nodes"].get(
            result["unique_id"], {"name": result["unique_id"], "resource_type": "node"}
        )
        message = _ERROR_PREFIX.sub("", " ".join((result["message"] or "").split()))
        _, raised, text = message.partition("adledger: ")
        kind = "check" if node["resource_type"] == "test" else node["resource_type"]
        lines.append(text.split(" compiled code at ")[0] if raised else f"{kind} {node['name']}: {message}")
    return list(dict.fromkeys(lines))


def warning_messages(check: str) -> list[str]:
    """Returns the column `message` of the first rows of a warning check, from the last build.

    E-mail addresses and tokens are redacted.
    """
    with duckdb.connect(str(warehouse_path()), read_only=True) as warehouse:
        try:
            rows = warehouse.execute(
                f'SELECT message FROM {CHECKS_SCHEMA}."{check}" ORDER BY message LIMIT {MESSAGES}'
            ).fetchall()
        except (duckdb.CatalogException, duckdb.BinderException):
            # the check stores no rows, or its rows have no message
            return []
    return [redact(str(message)) for (message,) in rows]
