"""dbt's exposures say which published tables each reader reads: those that its code names, no others."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.reading import ROOT, tables_read
from tests.warehouse import PROJECT

READERS = {
    one["name"]: one
    for one in yaml.safe_load((PROJECT / "models" / "exposures.yml").read_text())["exposures"]
}


@pytest.mark.parametrize("name", READERS)
def test_a_reader_depends_on_what_its_code_reads(name: str) -> None:
    code = [ROOT / path for path in READERS[name]["config"]["meta"]["code"]]
    assert all(path.exists() for path in code)
    # what publishing itself writes is no model
    read = tables_read(*code) - {"sources"}
    assert set(READERS[name]["depends_on"]) == {f"ref('{table}')" for table in read}


def test_only_sql_is_read(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(
        '"""Not marts.in_a_docstring."""\n'
        "# nor marts.in_a_comment\n"
        "QUERY = f\"select 'marts.in_a_string' from marts.first /* marts.of_sql */ where {condition}\"\n"
        'BRIDGE = "reconciliation.second"\n'
        "from reporting.explain import scope\n"
    )
    (tmp_path / "dataset.yaml").write_text(
        "# marts.in_yaml\nsql: |-\n  with x as (from marts.third) from x\n"
    )
    assert tables_read(tmp_path) >= {"first", "second", "third", "landing_page_tags"}
    assert not {table for table in tables_read(tmp_path) if table.startswith(("in_", "of_"))}


def test_a_table_that_is_named_elsewhere_is_not_overlooked(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text('QUERY = f"select * from marts.{table}"\n')
    with pytest.raises(AssertionError, match="is not seen"):
        tables_read(tmp_path)
