"""The data dictionary has every published table, column, metric and reader, in the words of the dbt YAML."""

from __future__ import annotations

from pathlib import Path

from docs import columns, dictionary, downloads, limits, permissions
from ingestion.exports.layouts import VENDORS, layout
from ingestion.limits import LIMITS
from ingestion.sources.facebook_ads.settings import LEAD_PERMISSIONS
from ingestion.sources.google_ads.doctor import SCOPE
from ingestion.sources.hubspot.doctor import ENDPOINTS
from ingestion.sources.linkedin_ads.settings import LEADS, POSTS
from orchestration.checks.contracts import build_contract
from orchestration.project import manifest, published_models


def test_every_table_has_a_page_with_every_column(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "dropped.md").touch()
    dictionary.write(folder)
    models = list(published_models(manifest()))
    assert {path.stem for path in folder.iterdir()} == {model["name"] for model in models} | {"index"}
    for model in models:
        page = " ".join((folder / f"{model['name']}.md").read_text().replace("\\|", "|").split())
        assert model["description"].partition(". ")[2] in page
        for constraint in build_contract(model, manifest()).constraints.values():
            assert f"`{constraint.name}`: violated by a row that {constraint.violation}" in page
        for name, column in model["columns"].items():
            assert f"| `{name}` | {column['data_type']}" in page
            assert " ".join(column["description"].split()) in page
    index = (folder / "index.md").read_text()
    for exposure in manifest()["exposures"].values():
        assert f"| {exposure['label']} | {exposure['description']} | " in index


def test_the_limits_are_those_of_the_code() -> None:
    """`python -m docs.limits` writes them."""
    assert limits.section() in limits.OPERATIONS.read_text()
    contract = columns.CONTRACT.read_text()
    for limit in LIMITS:
        assert limit.lowest <= limit.default <= limit.highest
        (row,) = (line for line in contract.splitlines() if line.startswith(f"| `{limit.section}` |"))
        assert f"`{limit.key}`" in row


def test_the_contract_lists_the_columns_of_the_published_tables_and_no_others() -> None:
    """`make contract-columns` writes the list."""
    assert columns.CONTRACT.read_text().endswith(f"\n{columns.columns()}")


def test_the_setup_page_names_every_permission_that_is_asked_for(tmp_path: Path) -> None:
    permissions.write(tmp_path)
    table = (tmp_path / "hubspot_scopes.md").read_text()
    for endpoint in ENDPOINTS:
        assert f"| `{endpoint.scopes[0]}`" in table
        assert endpoint.without in table
    page = (Path(permissions.__file__).parent / "setup.md").read_text()
    for permission in (SCOPE, *LEAD_PERMISSIONS, LEADS, POSTS):
        assert f"`{permission}`" in page


def test_the_page_of_downloads_names_every_kind_of_file(tmp_path: Path) -> None:
    downloads.write(tmp_path)
    table = (tmp_path / "downloads.md").read_text()
    for vendor in VENDORS:
        for kind in layout(vendor).files:
            assert f"| {kind.title} | {kind.where} | " in table
    assert "Campaign ID" in table


def test_every_metric_is_told_with_its_unit_and_what_it_is_grouped_by(tmp_path: Path) -> None:
    dictionary.write_metrics(tmp_path / "metrics.md")
    page = (tmp_path / "metrics.md").read_text()
    for metric in manifest()["metrics"].values():
        said = f"**{metric['label']}.** {metric['description']}"
        assert f"| `{metric['name']}` | {metric['meta']['unit']} | {said} |" in page
    assert "| `campaign` | Key of a campaign: network/account_id/campaign_id. |" in page
    # a column's own words, where the dimension is that column
    assert "| `bridge__kind` | Role of the step: start + adjustments = end. |" in page
