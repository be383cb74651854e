"""The models as a whole: data flows one way through the layers, and what is published is described."""

from __future__ import annotations

import re
from typing import Any

import sqlglot
from sqlglot import exp

from tests.compiled import CompiledModels
from tests.warehouse import PROJECT

LAYERS = ("staging", "intermediate", "marts", "reconciliation")
PUBLISHED = ("marts", "reconciliation")
#: folders of models/intermediate that read marts and lead to reconciliation
AFTER_MARTS = ("actions", "claims", "landing_pages", "tracking")


def layer(node: dict[str, Any]) -> int:
    """The position of a model's layer; the intermediate models behind reconciliation belong to it."""
    _, folder, *below = node["fqn"]
    return LAYERS.index("reconciliation" if folder == "intermediate" and below[0] in AFTER_MARTS else folder)


def parents(models: CompiledModels) -> set[tuple[str, str]]:
    """Each model with each model that it reads."""
    found = {
        (name, parent.rsplit(".", 1)[1])
        for name, node in models.nodes.items()
        for parent in node["depends_on"]["nodes"]
        if parent.startswith("model.")
    }
    assert len(found) > 50
    return found


def test_data_flows_one_way_through_the_layers(compiled_models: CompiledModels) -> None:
    layers = {name: layer(node) for name, node in compiled_models.nodes.items()}
    assert [pair for pair in parents(compiled_models) if layers[pair[1]] > layers[pair[0]]] == []


def test_published_models_read_no_staging(compiled_models: CompiledModels) -> None:
    folder = {name: node["fqn"][1] for name, node in compiled_models.nodes.items()}
    read = [
        (name, parent)
        for name, parent in parents(compiled_models)
        if folder[name] in PUBLISHED and folder[parent] == "staging"
    ]
    assert read == []


def test_intermediate_models_and_no_others_are_named_int(compiled_models: CompiledModels) -> None:
    for name, node in compiled_models.nodes.items():
        assert name.startswith("int_") == (node["fqn"][1] == "intermediate"), name


def test_only_staging_reads_raw_tables(compiled_models: CompiledModels) -> None:
    readers = {
        node["fqn"][1]
        for node in compiled_models.nodes.values()
        if any(parent.startswith("source.") for parent in node["depends_on"]["nodes"])
    }
    assert readers == {"staging"}


def test_every_model_states_its_grain(compiled_models: CompiledModels) -> None:
    for node in compiled_models.nodes.values():
        assert node["description"].startswith("One row per "), node["name"]


def test_published_models_describe_every_column(compiled_models: CompiledModels) -> None:
    published = [n for n in compiled_models.nodes.values() if n["schema"] in PUBLISHED]
    assert len(published) >= 12
    for node in published:
        assert node["contract"]["enforced"], node["name"]
        assert [c["name"] for c in node["columns"].values() if not c["description"]] == [], node["name"]


def days_without_a_zone(sql: str) -> list[str]:
    """Casts to a day whose instant names no time zone; a day made of days is none."""
    casts = sqlglot.parse_one(sql, dialect="duckdb").find_all(exp.Cast, exp.TryCast)
    return [
        cast.sql("duckdb")
        for cast in casts
        if cast.to.this == exp.DataType.Type.DATE
        and not isinstance(cast.this, exp.Null | exp.Literal)
        and not any(cast.this.find_all(exp.AtTimeZone, exp.GenerateSeries))
    ]


def test_every_cast_of_an_instant_to_a_day_names_its_zone(compiled_models: CompiledModels) -> None:
    tests = {
        n["name"]: n["compiled_code"]
        for n in compiled_models.manifest["nodes"].values()
        if n["resource_type"] == "test"
    }
    queries = {**compiled_models.sql, **tests}
    assert len(tests) > 50
    assert {name: found for name, sql in queries.items() if (found := days_without_a_zone(sql))} == {}
    assert days_without_a_zone("select cast(seen_at as date), cast(now() at time zone 'UTC' as date)") == [
        "CAST(seen_at AS DATE)"
    ]


def test_amounts_and_days_are_made_by_their_macros() -> None:
    """`amount` and `day_in` are the only casts to an amount or from an instant to a day."""
    spelled = re.compile(r"decimal\(18, 6\)|at time zone [^()]*(\([^()]*\))? as date\)")
    files = [path for folder in ("models", "tests") for path in (PROJECT / folder).rglob("*.sql")]
    assert len(files) > 150
    assert [path.name for path in files if spelled.search(path.read_text())] == []
    assert spelled.search("cast(x at time zone coalesce(a, 'UTC') as date)")
