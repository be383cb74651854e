"""The models as a whole: data flows one way through the layers, and what is published is described."""

from __future__ import annotations

from tests.compiled import CompiledModels

LAYERS = ("staging", "intermediate", "marts", "reconciliation")


def test_data_flows_one_way_through_the_layers(compiled_models: CompiledModels) -> None:
    layer = {name: LAYERS.index(node["fqn"][1]) for name, node in compiled_models.nodes.items()}
    parents = {
        (name, parent.rsplit(".", 1)[1])
        for name, node in compiled_models.nodes.items()
        for parent in node["depends_on"]["nodes"]
        if parent.startswith("model.")
    }
    assert len(parents) > 50
    assert [(name, parent) for name, parent in parents if layer[parent] > layer[name]] == []


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
    published = [n for n in compiled_models.nodes.values() if n["schema"] in ("marts", "reconciliation")]
    assert len(published) >= 12
    for node in published:
        assert node["contract"]["enforced"], node["name"]
        assert [c["name"] for c in node["columns"].values() if not c["description"]] == [], node["name"]
