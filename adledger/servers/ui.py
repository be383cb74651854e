"""Starts, monitors and stops Dagster's code server, web server and daemon for one home folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import urllib3
from rich.console import Console

from adledger.servers import guard
from adledger.servers.hosts import check_guard, further_hosts
from adledger.servers.processes import POLL_SECONDS, Address, Part, ServerFailed, Signals, check, end, start
from adledger.servers.sandbox import demo_home, read_options, sandbox, use_sandbox, write_options
from ingestion.config import home
from ingestion.errors import SettingError
from ingestion.pipelines import VENDORS, is_configured
from orchestration.execution import locking, parent
from orchestration.execution.instance import use_instance

_MODULE, _LOCATION = "orchestration.definitions", "adledger"
_SETTING_ERROR = f"{SettingError.__module__}.{SettingError.__name__}: "
# time for a load or a build to end after a signal
_RUN_SECONDS = 30
_END_SECONDS = 10
_LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
    __typename ... on PythonError { message errorChain { error { message } } } } } } } }"""
_RUNS = """{ runsOrError(filter: {statuses: [STARTING, STARTED, CANCELING]}) { ... on Runs { results {
    runId status parentRunId tags { key } } } } }"""
_END_RUN = "mutation ($id: String!) { terminateRun(runId: $id) { __typename } }"


def log_path() -> Path:
    """Path of the log that Dagster's processes write while the UI of this home is open."""
    return home() / "logs" / "ui.log"


def open_ui(address: Address, console: Console, *, demonstration: bool) -> None:
    """Serves the UI of this home until a signal arrives; of the simulated company if no vendor is set up.

    Raises ServerFailed, Stopped, SandboxFailed, and locking.Locked if the UI of this home is already open.
    """
    address.check()
    # the user's own setting, also for the demonstration
    further = further_hosts()
    with Signals() as signals, ExitStack() as stack:
        parts = []
        if demonstration or not any(map(is_configured, VENDORS)):
            why = "" if demonstration else "No ad network and no HubSpot portal is set up: "
            folder = demo_home()
            options = read_options(folder)
            company = stack.enter_context(sandbox(options, folder / "logs" / "sandbox.log"))
            parts.append(Part("the sandbox", company.process, folder / "logs" / "sandbox.log"))
            use_sandbox(company, folder)
            console.print(
                f"{why}{'u' if why else 'U'}sing the simulated company,"
                f" whose clock is fixed at {company.now:%Y-%m-%d %H:%M} UTC",
                highlight=False,
                soft_wrap=True,
            )
            signals.check()
        stack.enter_context(_ui_lock(address))
        if parts and not (home() / "serving.duckdb").exists():
            write_options(home(), options)
            _refresh(signals)
        _serve(address, further, console, signals, parts)


@contextmanager
def _ui_lock(address: Address) -> Iterator[None]:
    """Allows one UI per home: two daemons would both run its schedule."""
    with locking.file_lock(home() / "locks" / "ui.lock", holder=address.url):
        yield


def _refresh(signals: Signals) -> None:
    """Runs the first refresh of the demonstration in its own process, to free its memory afterwards."""
    command = [str(Path(sys.executable).with_name("adledger")), "refresh"]
    process = subprocess.Popen(command, start_new_session=True, env=parent.tied(os.environ))
    try:
        while process.poll() is None:
            signals.check()
            time.sleep(POLL_SECONDS)
    finally:
        end([process], _RUN_SECONDS)
    if process.returncode:
        raise ServerFailed("the demonstration's first refresh failed: see above")


def _serve(
    address: Address, further: Sequence[str], console: Console, signals: Signals, others: Sequence[Part]
) -> None:
    use_instance()
    environment = os.environ | guard.environment(address.host, further)
    log = log_path()
    log.parent.mkdir(parents=True, exist_ok=True)
    # a home's path can be longer than a socket's path is allowed to be
    with log.open("wb") as output, tempfile.TemporaryDirectory(prefix="adledger-") as folder:
        parts: list[Part] = []
        try:
            with console.status("Starting Dagster"):
                for name, command, is_up in _services(address, Path(folder)):
                    parts.append(Part(name, start(command, output.fileno(), env=environment), log))
                    while not is_up():
                        signals.check()
                        check([*others, *parts])
                        time.sleep(POLL_SECONDS)
            check_guard(address)
            if not address.is_private:
                console.print(
                    f"There is no login: anyone who can reach {address.host}:{address.port} can start and"
                    " delete runs",
                    soft_wrap=True,
                )
            console.print(
                f"Dagster is running at {address.url}. Press Ctrl-C to stop it. Log: {log}", soft_wrap=True
            )
            while signals.number is None:
                check([*others, *parts])
                time.sleep(POLL_SECONDS)
        finally:
            # first the daemon, which starts runs; then the runs; then the servers, which can end them
            servers, daemon = [part.process for part in parts[:2]], [part.process for part in parts[2:]]
            end(daemon, _END_SECONDS)
            _end_runs(address, console)
            end(servers, _END_SECONDS)


def _services(address: Address, folder: Path) -> Iterator[tuple[str, list[str], Callable[[], bool]]]:
    """Name, command and readiness check of each process that `dagster dev` would start, in start order."""
    code, workspace = folder / "code.sock", folder / "workspace.yaml"
    server = {"socket": str(code), "host": "localhost", "location_name": _LOCATION}
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
    yield (
        "Dagster's code server",
        [
            *("dagster", "code-server", "start", "--socket", str(code)),
            *("--module-name", _MODULE, "--location-name", _LOCATION, "--log-level", "warning"),
        ],
        code.exists,
    )
    yield (
        "Dagster's web server",
        [
            "adledger.servers.guarded_webserver",
            "--host",
            address.host,
            "--port",
            str(address.port),
            "--workspace",
            str(workspace),
        ],
        lambda: _is_up(address),
    )
    yield "Dagster's daemon", ["dagster._daemon", "run", "--workspace", str(workspace)], lambda: True


def _graphql(address: Address, query: str, **variables: str) -> Any:
    """Returns the data of a GraphQL query; None if the web server does not respond."""
    try:
        response = urllib3.request(
            "POST",
            f"{address.url}/graphql",
            json={"query": query, "variables": variables},
            retries=False,
            timeout=_END_SECONDS,
        )
        return response.json().get("data")
    except (urllib3.exceptions.HTTPError, ValueError):
        return None


def _is_up(address: Address) -> bool:
    """True once the web server has loaded the definitions. Raises ServerFailed if they do not load."""
    found = _graphql(address, _LOCATIONS)
    if not found:
        return False
    (entry,) = found["workspaceOrError"]["locationEntries"]
    state = entry["locationOrLoadError"]
    if state is None:
        return False
    if state["__typename"] == "PythonError":
        causes = [state["message"], *(link["error"]["message"] for link in state["errorChain"])]
        cause = causes[-1].strip().splitlines()[0]
        raise ServerFailed(f"{cause.removeprefix(_SETTING_ERROR)} (details: {log_path()})")
    return True


def _end_runs(address: Address, console: Console) -> None:
    """Lets Dagster end the runs that the UI or its schedule started; others die with the code server."""
    until, has_printed = time.monotonic() + _RUN_SECONDS, False
    while time.monotonic() < until:
        found = _graphql(address, _RUNS)
        runs = found["runsOrError"]["results"] if found else []
        if runs:
            # imports Dagster
            from orchestration.execution.runs import COMMAND_TAG

            of_ui = [run for run in runs if COMMAND_TAG not in {tag["key"] for tag in run["tags"]}]
            runs = [run for run in runs if run in of_ui or run["parentRunId"]]
        if not runs:
            return
        if not has_printed:
            console.print(f"Ending {len(runs)} run{'s' if len(runs) > 1 else ''} in progress")
            has_printed = True
        for run in runs:
            if run["status"] == "STARTED":
                _graphql(address, _END_RUN, id=run["runId"])
        time.sleep(POLL_SECONDS)
