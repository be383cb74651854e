"""What all tests share: no credentials from outside, hypothesis profiles, compiled models."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

from tests.compiled import CompiledModels
from tests.sharing import share_in

# a landing is judged by the same examples each time; `make test-full` goes looking for new ones
settings.register_profile(
    "default",
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "full", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("default")


# a refresh that cannot reach a server tries again, at once: module fixtures refresh, too
os.environ["RETRY__SECONDS"] = "0"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What compiles the models is none of `make test-quick`."""
    for item in items:
        if isinstance(item, pytest.Function) and "compiled_models" in item.fixturenames:
            item.add_marker("builds")


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own credentials never reach a test, and a test alerts nobody."""
    for name in list(os.environ):
        if name.startswith(("SOURCES__", "EXPORTS__", "ALERTS__", "FRESHNESS__", "SCHEDULE__")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The workers' common folder, in which one finds what another has filled."""
    own = tmp_path_factory.getbasetemp()
    share_in(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture(autouse=True)
def same_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's AppTest leaves its script as the main module, which new processes would then run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def compiled_models(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    """Every model's SQL, compiled once."""
    return CompiledModels.compile(tmp_path_factory.mktemp("compiled"))
