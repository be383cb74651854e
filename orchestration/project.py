"""The dbt project as Dagster runs it: its manifest, the arguments of a build, what failed in one."""

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
# The one beside this interpreter: PATH may hold none, or another engine's.
DBT_EXECUTABLE = Path(sys.executable).parent / "dbt"
PUBLISHED_SCHEMAS = ("marts", "reconciliation")
# Where dbt keeps the rows that a warning check found, and how many of them are shown.
CHECKS_SCHEMA = "checks"
MESSAGES = 5

# dbt repeats what failed and where before it says why
_ERROR_PREFIX = re.compile(r"^\w+ Error in .*? \(\S+\) ")
_INPUTS = ("models", "macros", "seeds", "tests", "snapshots")


def shipped_dir() -> Path:
    """Where `make setup` leaves the parsed project, for all homes."""
    return PROJECT_DIR / "target" / "shipped"


def target_dir() -> Path:
    """Where a home keeps the parsed project, where the shipped one is older than its files."""
    return home() / "dbt" / "target"


def build_dir() -> Path:
    """Where a build writes its artifacts, and its log where DBT_LOG_LEVEL_FILE asks for one."""
    return home() / "dbt" / "build"


def warehouse_path() -> Path:
    """The DuckDB file dbt builds into."""
    return home() / "warehouse.duckdb"


# A production build: models, seeds and data tests. Unit tests guard changes of the code, so they run in CI.
BUILD_ARGUMENTS = ("build", "--exclude", "resource_type:unit_test")


def build_environment(as_of: datetime) -> dict[str, str]:
    """What a build reads at run time: the instant it is seen at, and which project builds."""
    return {
        "ADLEDGER_AS_OF": as_of.astimezone(UTC).isoformat(),
        "ADLEDGER_PROJECT_HASH": project_hash(),
    }


def reuse_parsed(parsed: Path, used: Path) -> None:
    """Lets dbt go on in the folder `used` from what it parsed in the folder `parsed`."""
    if _is_parsed_here(used / "manifest.json"):
        return
    source, copy = (folder / "partial_parse.msgpack" for folder in (parsed, used))
    # of a project that has been moved since
    copy.unlink(missing_ok=True)
    if source.exists() and _is_parsed_here(parsed / "manifest.json"):
        used.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)


def _is_parsed_here(manifest: Path, project_dir: Path = PROJECT_DIR) -> bool:
    """Whether it was parsed where the project lies now: seeds are found by the folder of that time."""
    if not manifest.exists():
        return False
    nodes = json.loads(manifest.read_bytes())["nodes"].values()
    return all(Path(node["root_path"]) == project_dir for node in nodes if node.get("root_path"))


def project_hash(project_dir: Path = PROJECT_DIR) -> str:
    """A hash of everything the models are made of: another one, and incremental models are built anew."""
    content = hashlib.sha256()
    files = [path for folder in _INPUTS for path in (project_dir / folder).rglob("*") if path.is_file()]
    for path in sorted([*files, project_dir / "dbt_project.yml"]):
        content.update(str(path.relative_to(project_dir)).encode() + b"\0" + path.read_bytes())
    return content.hexdigest()


def is_current(manifest: Path, project_dir: Path) -> bool:
    """Whether `manifest` is of the project as it lies here: newer than every file and folder of it."""
    if not manifest.exists():
        return False
    inputs = [project_dir / "dbt_project.yml", project_dir / "profiles.yml"]
    for folder in _INPUTS:
        root = project_dir / folder
        # folders too: their time changes when a file is deleted
        inputs += [root, *root.rglob("*")] if root.exists() else []
    newest = max(path.stat().st_mtime_ns for path in inputs if path.exists())
    return manifest.stat().st_mtime_ns > newest and _is_parsed_here(manifest, project_dir)


class _DbtCli(DbtCliResource):
    """Dagster's own starts a dbt to learn its version, and sets up an adapter that nothing here asks."""

    @cached_property
    def _cli_version(self) -> Any:
        return DBT_PYTHON_VERSION

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


def dbt_cli() -> DbtCliResource:
    """The dbt command line on this project and this home."""
    # where profiles.yml finds its files
    os.environ["ADLEDGER_HOME"] = str(home())
    # its usual log holds every query at debug level; the user's own setting goes before this
    os.environ.setdefault("DBT_LOG_LEVEL_FILE", "none")
    project = str(PROJECT_DIR)
    return _DbtCli(project_dir=project, profiles_dir=project, dbt_executable=str(DBT_EXECUTABLE))


@cache
def prepared_project() -> DbtProject:
    """The project with a manifest that matches its files, parsed only where none does."""
    if is_current(shipped_dir() / "manifest.json", PROJECT_DIR):
        return DbtProject(PROJECT_DIR, target_path=shipped_dir(), profiles_dir=PROJECT_DIR)
    project = DbtProject(PROJECT_DIR, target_path=target_dir(), profiles_dir=PROJECT_DIR)
    target_dir().mkdir(parents=True, exist_ok=True)
    # several processes load the definitions at once
    with file_lock(target_dir() / "parse.lock", wait=True):
        if not is_current(project.manifest_path, PROJECT_DIR):
            reuse_parsed(shipped_dir(), target_dir())
            dbt_cli().cli(["parse", "--quiet"], target_path=target_dir()).wait()
    return project


@cache
def manifest() -> Mapping[str, Any]:
    """The parsed manifest."""
    content: Mapping[str, Any] = json.loads(prepared_project().manifest_path.read_bytes())
    return content


def published_models(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The models of the published schemas, in a stable order."""
    for _, node in sorted(content["nodes"].items()):
        if node["resource_type"] == "model" and node["schema"] in PUBLISHED_SCHEMAS:
            yield node


def metrics_by_model(content: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The metrics made of each model, by its id in the manifest; a ratio is made of what both sides are."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for _, metric in sorted(content["metrics"].items()):
        for model in dict.fromkeys(_models_of(metric, content)):
            found.setdefault(model, []).append(metric)
    return found


def _models_of(node: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[str]:
    made_of = {**content["metrics"], **content["semantic_models"]}
    for parent in node["depends_on"]["nodes"]:
        if parent in made_of:
            yield from _models_of(made_of[parent], content)
        else:
            yield parent


def build_faults(run_results: Mapping[str, Any], content: Mapping[str, Any]) -> list[str]:
    """One line per node of a build that failed by itself, not because of one before it.

    A message our own SQL raises (`adledger: …` through DuckDB's error()) stands alone; any other follows the
    name of its node.
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
    """What the first rows that a warning check found say (its column `message`), as its last build kept them.

    Addresses and tokens that a name may hold are hidden.
    """
    with duckdb.connect(str(warehouse_path()), read_only=True) as warehouse:
        try:
            rows = warehouse.execute(
                f'SELECT message FROM {CHECKS_SCHEMA}."{check}" ORDER BY message LIMIT {MESSAGES}'
            ).fetchall()
        except (duckdb.CatalogException, duckdb.BinderException):
            # a check that keeps no rows, or whose rows say nothing
            return []
    return [redact(str(message)) for (message,) in rows]
