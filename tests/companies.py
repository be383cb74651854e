"""A simulated company over loopback HTTP, loaded into an empty home and modelled there, without Dagster."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from ingestion import pipelines
from sandbox.apis.state import Sandbox
from sandbox.serve import build_app, settings
from tests.warehouse import Warehouse


@contextmanager
def served(sandbox: Sandbox) -> Iterator[str]:
    """The address of all its vendors on a free loopback port, in this process; stopped at the end."""
    config = uvicorn.Config(build_app(sandbox), port=0, log_level="error", lifespan="off", date_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def modelled(
    sandbox: Sandbox, days: pipelines.Window, *models: str, files: Mapping[str, str] | None = None
) -> Iterator[Warehouse]:
    """A home with everything the company returns for those days, built up to those models.

    `files` are settings of downloaded files, which win over the APIs.
    """
    with (
        tempfile.TemporaryDirectory() as place,
        served(sandbox) as url,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in [name for name in os.environ if name.startswith(("SOURCES__", "EXPORTS__"))]:
            patch.delenv(name)
        for name, value in {**settings(sandbox, url), "ADLEDGER_HOME": place, **(files or {})}.items():
            patch.setenv(name, value)
        for source in pipelines.SOURCES:
            for part in pipelines.parts(source):
                window = None if part == "entities" else days
                pipelines.load(source, part, window=window, as_of=sandbox.now)
        home = Warehouse(Path(place))
        selected = [f"+{model}" for model in models]
        home.dbt("build", "--select", *selected, "--exclude", "resource_type:unit_test", "resource_type:test")
        yield home
