"""The code location: one lineage from raw to published, one job, one schedule, mixed partitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from ingestion.errors import AccessError, LimitSpent, SettingError, UnreachableError
from ingestion.pipelines import RAW_SCHEMA, SOURCES, IngestionError, LoadReport, Window

AS_OF = "2026-11-01T06:00:00+00:00"
SERVING = dg.AssetKey(["serving", "serving_duckdb"])


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.Definitions]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADLEDGER_HOME", str(tmp_path_factory.mktemp("home")))
        from orchestration.definitions import defs

        yield defs


@pytest.fixture(scope="module")
def manifest(defs: dg.Definitions) -> Any:
    from orchestration.project import manifest

    return manifest()


@pytest.fixture(scope="module")
def specs(defs: dg.Definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in defs.resolve_all_asset_specs()}


@pytest.fixture(scope="module")
def checks(defs: dg.Definitions) -> list[dg.AssetCheckSpec]:
    graph = defs.get_repository_def().asset_graph
    return [graph.get_check_spec(key) for key in sorted(graph.asset_check_keys)]


def test_definitions_load(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


def test_every_dbt_source_is_a_raw_asset(specs: dict[dg.AssetKey, dg.AssetSpec], manifest: Any) -> None:
    wanted = {
        dg.AssetKey(source["config"]["meta"]["dagster"]["asset_key"])
        for source in manifest["sources"].values()
    }
    assert wanted
    assert wanted <= {key for key in specs if key.path[0] == "raw"}


def test_lineage_has_no_phantoms_and_starts_at_the_networks(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    upstream = {dep.asset_key for spec in specs.values() for dep in spec.deps}
    assert upstream <= specs.keys()
    roots = {key for key, spec in specs.items() if not list(spec.deps)}
    assert {key for key in roots if key.path[0] not in ("seeds", "loads")} >= {
        dg.AssetKey(["api", source]) for source in SOURCES
    }
    raw = {key: {dep.asset_key for dep in spec.deps} for key, spec in specs.items() if key.path[0] == "raw"}
    assert all(dg.AssetKey(["api", key.path[1]]) in deps for key, deps in raw.items())
    reads_others = {key.path[1] for key, deps in raw.items() if any(dep.path[0] == "raw" for dep in deps)}
    assert reads_others == {"landing_pages"}


def test_lineage_ends_at_the_readers(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec], manifest: Any
) -> None:
    graph = defs.get_repository_def().asset_graph
    readers = {key: spec for key, spec in specs.items() if spec.group_name == "readers"}
    assert {key.path[-1] for key in readers} == {one["name"] for one in manifest["exposures"].values()}
    for key in readers:
        assert not graph.get(key).is_materializable
        assert not graph.get(key).child_keys
        read = graph.get(key).parent_keys
        assert SERVING in read
        assert {parent.path[0] for parent in read - {SERVING}} <= {"marts", "reconciliation"}
    # what is published ends nowhere else
    assert graph.get(SERVING).child_keys == set(readers)


def test_a_table_tells_the_metrics_that_are_made_of_it(
    specs: dict[dg.AssetKey, dg.AssetSpec], manifest: Any
) -> None:
    told = {
        key.path[-1]: spec.metadata["metrics"].value
        for key, spec in specs.items()
        if "metrics" in spec.metadata
    }
    assert "`explained_units` (conversions): " in told["conversion_bridge"]
    # a ratio stands with both of its tables
    assert "`cost_per_network_conversion`" in told["fct_network_conversions"]
    assert "`cost_per_network_conversion`" in told["fct_ad_performance_daily"]
    everything = "\n".join(told.values())
    assert all(f"`{metric['name']}`" in everything for metric in manifest["metrics"].values())


def test_every_asset_says_what_it_is_whose_it_is_and_where_its_code_lies(
    specs: dict[dg.AssetKey, dg.AssetSpec],
) -> None:
    assert not [key for key, spec in specs.items() if not (spec.description and spec.owners and spec.kinds)]
    for key, spec in specs.items():
        if key.path[0] == "api":
            continue
        links = spec.metadata["dagster/code_references"].code_references
        assert links, key
        assert all(Path(link.file_path).is_file() for link in links)


def test_every_published_column_is_described(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    published = [spec for key, spec in specs.items() if key.path[0] in ("marts", "reconciliation")]
    assert published
    for spec in published:
        columns = spec.metadata["dagster/column_schema"].columns
        assert columns
        assert all(column.description for column in columns), spec.key


def test_every_data_test_of_dbt_is_a_check(checks: list[dg.AssetCheckSpec], manifest: Any) -> None:
    tests = {name for name, node in manifest["nodes"].items() if node["resource_type"] == "test"}
    assert tests
    assert tests == {spec.metadata.get("dagster_dbt/unique_id") for spec in checks} - {None}


def test_the_code_location_is_as_it_was(
    defs: dg.Definitions, checks: list[dg.AssetCheckSpec], snapshot: SnapshotAssertion
) -> None:
    """What the UI shows of it, without words. After a wanted change: `pytest --snapshot-update`."""
    repository = defs.get_repository_def()
    graph = repository.asset_graph
    lines = []
    for spec in sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key):
        node = graph.get(spec.key)
        facts = [spec.group_name, "+".join(sorted(spec.kinds)), *spec.owners]
        facts += ["daily"] if node.is_partitioned else []
        facts += [] if node.is_materializable else ["external"]
        lines.append(f"{spec.key.to_user_string()}: {', '.join(map(str, facts))}")
        lines += [f"  from {key.to_user_string()}" for key in sorted(node.parent_keys)]
        of_asset = [check for check in checks if check.asset_key == spec.key]
        lines += [f"  check {check.name}{'' if check.blocking else ' (warns)'}" for check in of_asset]
    for job in sorted(repository.get_all_jobs(), key=lambda job: job.name):
        lines.append(f"job {job.name}: {job.executor_def.name}, {len(list(job.nodes))} steps")
    for schedule in repository.schedule_defs:
        when = f"{schedule.cron_schedule} {schedule.execution_timezone}"
        lines.append(
            f"schedule {schedule.name}: {when}, {schedule.default_status.value}, job {schedule.job_name}"
        )
    for sensor in repository.sensor_defs:
        every = f"every {sensor.minimum_interval_seconds} s"
        lines.append(f"sensor {sensor.name}: {every}, {sensor.default_status.value}")
    assert "\n".join(lines) == snapshot


def test_models_are_named_as_the_warehouse_names_tables(
    specs: dict[dg.AssetKey, dg.AssetSpec], manifest: Any
) -> None:
    models = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
    assert {dg.AssetKey([node["schema"], node["name"]]) for node in models} <= specs.keys()
    assert dg.AssetKey(["marts", "fct_sessions"]) in specs
    assert dg.AssetKey(["reconciliation", "conversion_bridge"]) in specs


def test_publishing_waits_for_every_published_model_and_its_contract(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec]
) -> None:
    published = {key for key in specs if key.path[0] in ("marts", "reconciliation")}
    assert {dep.asset_key for dep in specs[SERVING].deps} == published
    from orchestration.checks.published import published_contracts

    checks = {check.asset_key: check for check in published_contracts.check_specs}
    assert checks.keys() == published
    assert all(check.blocking for check in checks.values())
    job = defs.resolve_job_def("refresh")
    node = job.graph.node_named("serving__serving_duckdb")
    upstream = job.graph.dependency_structure.input_to_upstream_outputs_for_node(node.name)
    names = {output.node_name for outputs in upstream.values() for output in outputs}
    assert names == {"dbt_models", "published_contracts"}
    # what only warns holds nothing up
    late = job.graph.dependency_structure.input_to_upstream_outputs_for_node("dbt_models")
    assert "freshness" not in {output.node_name for outputs in late.values() for output in outputs}


def test_one_job_over_everything_and_one_daily_schedule(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec]
) -> None:
    repository = defs.get_repository_def()
    assert [name for name in repository.job_names if not name.startswith("__")] == ["refresh"]
    job = defs.resolve_job_def("refresh")
    outside = ("api", "readers")
    assert set(job.asset_layer.selected_asset_keys) == {key for key in specs if key.path[0] not in outside}
    (schedule,) = repository.schedule_defs
    assert (schedule.job_name, schedule.cron_schedule, schedule.execution_timezone) == (
        "refresh",
        "0 5 * * *",
        "UTC",
    )
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_a_tick_asks_for_what_the_command_line_would(
    defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__FACEBOOK_ADS__ACCESS_TOKEN", "a-token")
    (schedule,) = defs.get_repository_def().schedule_defs
    tick = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    context = dg.build_schedule_context(scheduled_execution_time=tick)
    (request,) = schedule.evaluate_tick(context).run_requests or []
    first, last = tick.date() - timedelta(days=89), tick.date()
    assert request.run_key == last.isoformat()
    assert request.tags["dagster/asset_partition_range_start"] == first.isoformat()
    assert request.tags["dagster/asset_partition_range_end"] == last.isoformat()
    settings = request.run_config["resources"]["run_settings"]["config"]
    assert settings == {"as_of": tick.isoformat(), "reread": "unsettled"}


def test_the_ticks_of_an_outage_are_one_run(defs: dg.Definitions) -> None:
    (schedule,) = defs.get_repository_def().schedule_defs
    missed = datetime.now(UTC) - timedelta(days=1)
    evaluated = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=missed))
    assert not evaluated.run_requests
    assert "later day" in str(evaluated.skip_message)


def test_a_backfill_of_a_range_is_one_run(defs: dg.Definitions) -> None:
    from dagster._core.definitions.automation_tick_evaluation_context import (
        build_run_requests_with_backfill_policies,
    )
    from dagster._core.definitions.events import AssetKeyPartitionKey

    graph = defs.get_repository_def().asset_graph
    daily = [key for key in graph.materializable_asset_keys if graph.get(key).is_partitioned]
    days = [f"2026-10-{day:02}" for day in range(1, 32)]
    wanted = [AssetKeyPartitionKey(key, day) for key in daily for day in days]
    with dg.DagsterInstance.ephemeral() as instance:
        (request,) = build_run_requests_with_backfill_policies(wanted, graph, instance)
    assert set(request.asset_selection or ()) == set(daily)
    assert request.tags["dagster/asset_partition_range_start"] == days[0]
    assert request.tags["dagster/asset_partition_range_end"] == days[-1]


def test_every_run_has_the_home_to_itself(defs: dg.Definitions) -> None:
    repository = defs.get_repository_def()
    jobs = [repository.get_job("refresh"), repository.get_implicit_global_asset_job_def()]
    assert {job.executor_def.name for job in jobs} == {"alone_in_home"}


def test_a_run_of_one_table_validates_that_table_alone(defs: dg.Definitions) -> None:
    bridge = dg.AssetKey(["reconciliation", "conversion_bridge"])
    everything = defs.get_repository_def().get_implicit_global_asset_job_def()
    checks = everything.get_subset(asset_selection={bridge}).asset_layer.asset_graph.asset_check_keys
    assert {key.asset_key for key in checks if key.name == "contract"} == {bridge}


def test_pools_keep_the_writers_of_one_file_apart(defs: dg.Definitions) -> None:
    pools: dict[str, set[str]] = {}
    for node in defs.resolve_job_def("refresh").nodes:
        for pool in node.definition.pools:
            pools.setdefault(pool, set()).add(node.name)
    assert pools == {
        "warehouse": {"dbt_models", "published_contracts", "serving__serving_duckdb"},
        "raw_hubspot": {"hubspot_entities"},
        "raw_landing_pages": {"landing_pages_entities"},
        **{
            f"raw_{source}": {f"{source}_entities", f"{source}_daily"}
            for source in ("google_ads", "facebook_ads", "linkedin_ads")
        },
    }


@dataclass
class Loads:
    """Stands in for the network: remembers what was asked for, fails for one source if told so."""

    asked: dict[tuple[str, str], tuple[Window | None, datetime]]
    broken: str | None = None
    fault: type[IngestionError] = IngestionError
    attempts: Counter[str] = field(default_factory=Counter)

    def __call__(
        self, name: str, part: str, *, window: Window | None, as_of: datetime, progress: Any, **others: Any
    ) -> LoadReport:
        self.asked[name, part] = (window, as_of)
        progress(f"{name} {part}")
        if name == self.broken:
            self.attempts[part] += 1
            raise self.fault(f"sources.{name}.access_token is not accepted: make a new one")
        return LoadReport(name, False, None, {"campaigns": 7}, 1, {"ok": 3}, None)


@pytest.fixture
def loads(defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Loads:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    stand_in = Loads({})
    monkeypatch.setattr("orchestration.assets.raw.load", stand_in)
    return stand_in


def _run(
    defs: dg.Definitions,
    specs: dict[dg.AssetKey, dg.AssetSpec],
    *allow_stale: str,
    instance: dg.DagsterInstance | None = None,
    **settings: str,
) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("refresh").execute_in_process(
        instance=instance or dg.DagsterInstance.ephemeral(),
        asset_selection=[key for key in specs if key.path[0] == "raw"],
        tags={
            "dagster/asset_partition_range_start": "2026-10-30",
            "dagster/asset_partition_range_end": "2026-10-31",
        },
        run_config={
            "resources": {"run_settings": {"config": {"allow_stale": list(allow_stale), **settings}}}
        },
        raise_on_error=False,
    )


def test_one_run_mixes_partitioned_and_unpartitioned_loads(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec], loads: Loads
) -> None:
    result = _run(defs, specs, as_of=AS_OF)
    assert result.success
    days = Window(date(2026, 10, 30), date(2026, 10, 31))
    networks = ("google_ads", "facebook_ads", "linkedin_ads")
    assert loads.asked == {
        **{(source, "entities"): (None, datetime(2026, 11, 1, 6, tzinfo=UTC)) for source in SOURCES},
        **{(source, "daily"): (days, datetime(2026, 11, 1, 6, tzinfo=UTC)) for source in networks},
    }
    found = {
        (event.asset_key, event.partition)
        for event in result.all_events
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION
    }
    metrics = dg.AssetKey(["raw", "google_ads", "campaign_metrics"])
    assert {partition for key, partition in found if key == metrics} == {"2026-10-30", "2026-10-31"}
    campaigns = dg.AssetKey(["raw", "google_ads", "campaigns"])
    assert {partition for key, partition in found if key == campaigns} == {None}


def test_without_as_of_all_steps_take_the_instant_of_the_run(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec], loads: Loads
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    assert _run(defs, specs).success
    (as_of,) = {as_of for _, as_of in loads.asked.values()}
    assert before <= as_of <= datetime.now(UTC)


def test_a_source_that_fails_says_its_line_and_the_others_land(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec], loads: Loads
) -> None:
    loads.broken = "google_ads"
    result = _run(defs, specs, as_of=AS_OF)
    failed = {event.step_key: event.step_failure_data for event in result.get_step_failure_events()}
    assert failed.keys() == {"google_ads_entities", "google_ads_daily"}
    for failure in failed.values():
        assert failure.user_failure_data
        assert failure.user_failure_data.description == (
            "sources.google_ads.access_token is not accepted: make a new one"
        )
    succeeded = {event.step_key for event in result.get_step_success_events()}
    assert {"hubspot_entities", "linkedin_ads_daily", "facebook_ads_entities"} <= succeeded


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [(UnreachableError, 3), (LimitSpent, 1), (SettingError, 1), (AccessError, 1)],
)
def test_only_what_may_pass_by_itself_is_tried_again(
    defs: dg.Definitions,
    specs: dict[dg.AssetKey, dg.AssetSpec],
    loads: Loads,
    fault: type[IngestionError],
    attempts: int,
) -> None:
    from orchestration.execution.progress import Progress

    loads.broken, loads.fault = "google_ads", fault
    with dg.DagsterInstance.ephemeral() as instance:
        result = _run(defs, specs, as_of=AS_OF, instance=instance)
        told = StringIO()
        progress = Progress(Console(file=told, width=200))
        for entry in instance.all_logs(result.run_id):
            progress.see(entry)
    assert loads.attempts == {"entities": attempts, "daily": attempts}
    assert progress.faults == ["sources.google_ads.access_token is not accepted: make a new one"]
    assert told.getvalue().count("make a new one; again in 0 s") == 2 * (attempts - 1)


def test_a_stale_source_goes_on_with_what_it_landed(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec], loads: Loads, tmp_path: Path
) -> None:
    loads.broken = "hubspot"
    never = _run(defs, specs, "hubspot", as_of=AS_OF)
    (failure,) = never.get_step_failure_events()
    assert failure.step_failure_data.user_failure_data
    assert "never landed" in str(failure.step_failure_data.user_failure_data.description)

    (tmp_path / "raw").mkdir()
    tables = [key.path[-1] for key in specs if list(key.path[:2]) == ["raw", "hubspot"]]
    with duckdb.connect(str(tmp_path / "raw" / "hubspot.duckdb")) as connection:
        connection.execute(f"CREATE SCHEMA {RAW_SCHEMA}")
        connection.execute(f"CREATE TABLE {RAW_SCHEMA}.load_counts (resource VARCHAR, loaded_at TIMESTAMPTZ)")
        for table in tables:
            for day in (29, 30):
                connection.execute(
                    f"INSERT INTO {RAW_SCHEMA}.load_counts VALUES (?, ?)",
                    [table, datetime(2026, 10, day, 6, tzinfo=UTC)],
                )
    result = _run(defs, specs, "hubspot", as_of=AS_OF)
    assert result.success
    (landed,) = result.asset_materializations_for_node("hubspot_entities")[:1]
    assert landed.metadata["status"].value == "stale"
    assert landed.metadata["stale"].value is True
    assert landed.metadata["as_of"].value == "2026-10-30T06:00:00+00:00"
    assert "access_token" in str(landed.metadata["message"].value)


def test_the_published_state_of_a_source_is_that_of_its_last_run(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec], loads: Loads
) -> None:
    from orchestration.assets.serving import source_state

    instance = dg.DagsterInstance.ephemeral()
    assert source_state(instance, "hubspot").status == "skipped"
    defs.resolve_job_def("refresh").execute_in_process(
        instance=instance,
        asset_selection=[key for key in specs if list(key.path[:2]) == ["raw", "hubspot"]],
        run_config={"resources": {"run_settings": {"config": {"as_of": AS_OF}}}},
    )
    state = source_state(instance, "hubspot")
    assert (state.status, state.as_of, state.landed_through) == (
        "landed",
        datetime.fromisoformat(AS_OF),
        None,
    )
