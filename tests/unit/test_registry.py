"""A source is registered once; what dbt and the readers list agrees with the registry."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ingestion.exports.layouts import VENDORS
from ingestion.sources import registry
from ingestion.sources.protocol import Network
from reporting.networks import NETWORKS, SOURCES
from tests.warehouse import PROJECT

ROOT = PROJECT.parent


def test_every_registered_network_has_a_row_in_the_seed_and_models() -> None:
    registered = [name for name, source in registry.SOURCES.items() if isinstance(source, Network)]
    assert list(NETWORKS) == registered
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    assert project["vars"]["networks"] == registered


def test_every_source_has_a_label_a_raw_store_and_its_folder() -> None:
    assert SOURCES.keys() == registry.SOURCES.keys()
    profile = yaml.safe_load((PROJECT / "profiles.yml").read_text())["adledger"]["outputs"]["duckdb"]
    attached = {entry["alias"] for entry in profile["attach"]}
    assert attached == {"warehouse", *(f"raw_{name}" for name in registry.SOURCES)}
    for name, source in registry.SOURCES.items():
        assert Path(str(vars(source.settings)["__file__"])).parent == ROOT / "ingestion" / "sources" / name


def test_files_are_read_for_registered_sources() -> None:
    assert set(VENDORS) <= registry.SOURCES.keys()


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown source bing_ads: one of hubspot"):
        registry.source("bing_ads")
