"""The code location: lineage from raw to published tables, one job, one schedule, and loads of a run."""

from __future__ import annotations

import threading
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
from orchestration.execution.loads import Loads as LoadThreads
from orchestration.execution.loads import LoadsOfRun
from orchestration.execution.locking import Locked, file_lock
from orchestration.execution.runs import HomeLock

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


def test_lineage_has_no_undefined_assets_and_starts_at_the_apis(
    specs: dict[dg.AssetKey, dg.AssetSpec],
) -> None:
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
    # only the readers are downstream of the published file
    assert graph.get(SERVING).child_keys == set(readers)


def test_a_table_lists_the_metrics_that_use_it(specs: dict[dg.AssetKey, dg.AssetSpec], manifest: Any) -> None:
    metrics = {
        key.path[-1]: spec.metadata["metrics"].value
        for key, spec in specs.items()
        if "metrics" in spec.metadata
    }
    assert "`explained_conversions` (conversions): " in metrics["conversion_bridge"]
    # a ratio stands with both of its tables
    assert "`cost_per_network_conversion`" in metrics["fct_network_conversions"]
    assert "`cost_per_network_conversion`" in metrics["fct_ad_performance_daily"]
    everything = "\n".join(metrics.values())
    assert all(f"`{metric['name']}`" in everything for metric in manifest["metrics"].values())


def test_every_asset_has_a_description_an_owner_and_code_references(
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
    """Assets, checks and automation without texts. After a wanted change: `pytest --snapshot-update`."""
    repository = defs.get_repository_def()
    graph = repository.asset_graph
    lines = []
    for spec in sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key):
        node = graph.get(spec.key)
        facts = [spec.group_name, "+".join(sorted(spec.kinds)), *spec.owners]
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
    models = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed") and node["config"]["materialized"] != "ephemeral"
    ]
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
    # checks that only warn do not block
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


def test_a_tick_requests_the_same_run_as_the_command_line(
    defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__FACEBOOK_ADS__ACCESS_TOKEN", "a-token")
    (schedule,) = defs.get_repository_def().schedule_defs
    tick = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    context = dg.build_schedule_context(scheduled_execution_time=tick)
    (request,) = schedule.evaluate_tick(context).run_requests or []
    first, last = tick.date() - timedelta(days=89), tick.date()
    assert request.run_key == last.isoformat()
    settings = request.run_config["resources"]["run_settings"]["config"]
    assert settings == {
        "as_of": tick.isoformat(),
        "start": first.isoformat(),
        "end": last.isoformat(),
        "reread": "unsettled",
        "allow_stale": [],
    }


def test_missed_ticks_result_in_one_run(defs: dg.Definitions) -> None:
    (schedule,) = defs.get_repository_def().schedule_defs
    missed = datetime.now(UTC) - timedelta(days=1)
    evaluated = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=missed))
    assert not evaluated.run_requests
    assert "later day" in str(evaluated.skip_message)


def test_every_step_runs_with_the_home_lock(defs: dg.Definitions) -> None:
    repository = defs.get_repository_def()
    for job in (repository.get_job("refresh"), repository.get_implicit_global_asset_job_def()):
        assert job.executor_def.name == "in_process"
        for node in job.nodes:
            assert {"home_lock", "loads_of_run"} & set(node.definition.required_resource_keys), node.name


def test_loads_start_and_end_while_the_run_holds_the_home_lock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    seen: list[str] = []

    def record(event: str) -> None:
        with pytest.raises(Locked), file_lock(tmp_path / "locks" / "refresh.lock"):
            pass
        seen.append(event)

    monkeypatch.setattr(LoadThreads, "__init__", lambda loads: record("begin"))
    monkeypatch.setattr(LoadThreads, "stop", lambda loads: record("end"))

    resource = LoadsOfRun(home_lock=HomeLock())

    @dg.op(required_resource_keys={"loads_of_run"})
    def step() -> None: ...

    @dg.job(resource_defs={"loads_of_run": resource})
    def job() -> None:
        step()

    assert job.execute_in_process().success
    assert seen == ["begin", "end"]


def test_a_run_of_one_table_validates_that_table_alone(defs: dg.Definitions) -> None:
    bridge = dg.AssetKey(["reconciliation", "conversion_bridge"])
    everything = defs.get_repository_def().get_implicit_global_asset_job_def()
    checks = everything.get_subset(asset_selection={bridge}).asset_layer.asset_graph.asset_check_keys
    assert {key.asset_key for key in checks if key.name == "contract"} == {bridge}


@dataclass
class Loads:
    """Replaces `load`: records its calls, and fails for the source `broken`."""

    asked: dict[tuple[str, str], tuple[Window | None, datetime]]
    broken: str | None = None
    fault: type[IngestionError] = IngestionError
    rereads: set[str] = field(default_factory=set)
    attempts: Counter[str] = field(default_factory=Counter)
    #: If set, hubspot and linkedin_ads finish only if they load at the same time.
    both: threading.Barrier | None = None
    ended: list[tuple[str, str]] = field(default_factory=list)

    def __call__(
        self,
        name: str,
        part: str,
        *,
        window: Window | None,
        as_of: datetime,
        progress: Any,
        reread: str,
        **others: Any,
    ) -> LoadReport:
        self.asked[name, part] = (window, as_of)
        self.rereads.add(reread)
        progress(f"{name} {part}")
        if self.both and (name, part) in (("hubspot", "entities"), ("linkedin_ads", "entities")):
            self.both.wait(30)
        if name == self.broken:
            self.attempts[part] += 1
            raise self.fault(f"sources.{name}.access_token is not accepted: make a new one")
        self.ended.append((name, part))
        return LoadReport(name, False, None, {"campaigns": 7}, 1, {"ok": 3}, None)


@pytest.fixture
def loads(defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Loads:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    replacement = Loads({})
    monkeypatch.setattr("orchestration.assets.raw.load", replacement)
    return replacement


RANGE = {"start": "2026-10-30", "end": "2026-10-31"}


def _run(
    defs: dg.Definitions,
    specs: dict[dg.AssetKey, dg.AssetSpec],
    *allow_stale: str,
    instance: dg.DagsterInstance | None = None,
    source: str | None = None,
    **settings: str,
) -> dg.ExecuteInProcessResult:
    """Runs the raw tables, of one source if given."""
    return defs.resolve_job_def("refresh").execute_in_process(
        instance=instance or dg.DagsterInstance.ephemeral(),
        asset_selection=[
            key for key in specs if key.path[0] == "raw" and (source is None or key.path[1] == source)
        ],
        run_config={
            "resources": {"run_settings": {"config": {"allow_stale": list(allow_stale), **RANGE, **settings}}}
        },
        raise_on_error=False,
    )


def test_one_run_loads_every_source_and_the_requested_days(
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
    assert loads.rereads == {"all"}


def test_a_run_without_days_reads_the_default_days(
    defs: dg.Definitions,
    specs: dict[dg.AssetKey, dg.AssetSpec],
    loads: Loads,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[datetime] = []
    usual = Window(date(2026, 8, 4), date(2026, 11, 1))

    def next_window(as_of: datetime) -> Window:
        asked.append(as_of)
        return usual

    monkeypatch.setattr("orchestration.execution.days.next_window", next_window)
    assert _run(defs, specs, as_of=AS_OF, start="", end="").success
    assert {window for window, _ in loads.asked.values()} == {None, usual}
    assert loads.rereads == {"unsettled"}
    assert len(asked) == 1, "loads must not change the days"


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ({"start": "01.10.2026"}, 'run_settings.start is "01.10.2026"'),
        ({"start": "2026-10-31", "end": "2026-10-30"}, "run_settings.start: 2026-10-31 is after"),
        ({"end": "2026-11-05"}, "run_settings.end: 2026-11-05 is after"),
    ],
)
def test_invalid_days_are_refused(
    defs: dg.Definitions,
    specs: dict[dg.AssetKey, dg.AssetSpec],
    loads: Loads,
    days: dict[str, str],
    message: str,
) -> None:
    result = _run(defs, specs, as_of=AS_OF, source="google_ads", **days)
    assert not result.success
    for event in result.get_step_failure_events():
        assert event.step_failure_data.user_failure_data
        assert message in str(event.step_failure_data.user_failure_data.description)
    assert loads.asked == {}


def test_sources_load_in_parallel_and_pages_after_the_sources_of_their_urls(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec], loads: Loads
) -> None:
    loads.both = threading.Barrier(2)
    assert _run(defs, specs, as_of=AS_OF).success
    pages = loads.ended.index(("landing_pages", "entities"))
    assert {name for name, part in loads.ended[:pages] if part == "entities"} == set(SOURCES) - {
        "landing_pages"
    }


def test_a_source_that_is_not_selected_does_not_load(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec], loads: Loads
) -> None:
    assert _run(defs, specs, as_of=AS_OF, source="google_ads").success
    assert loads.asked.keys() == {("google_ads", "entities"), ("google_ads", "daily")}


def test_a_run_re_executed_from_failure_loads_only_failed_sources(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec], loads: Loads
) -> None:
    from orchestration.execution.job import refresh_job

    with dg.instance_for_test() as instance:
        loads.broken = "linkedin_ads"
        first = _run(defs, specs, as_of=AS_OF, instance=instance)
        loads.broken = None
        loads.asked.clear()
        options = dg.ReexecutionOptions.from_failure(first.run_id, instance)
        again = dg.execute_job(
            dg.reconstructable(refresh_job),
            instance,
            reexecution_options=options,
            asset_selection=[key for key in specs if key.path[0] == "raw"],
            run_config=first.dagster_run.run_config,
        )
    assert again.success
    assert loads.asked.keys() == {
        ("linkedin_ads", "entities"),
        ("linkedin_ads", "daily"),
        ("landing_pages", "entities"),
    }


def test_a_table_is_three_events_and_so_is_a_check(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec], loads: Loads
) -> None:
    """Planned, output, materialized or evaluated: no event per day. A run has few other events."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = _run(defs, specs, as_of=AS_OF, start="2024-01-01", end="2026-10-31", instance=instance)
        entries = instance.all_logs(result.run_id)
    assert result.success
    counted = Counter(
        entry.dagster_event.event_type_value if entry.dagster_event else "LOG" for entry in entries
    )
    raw = [key for key in specs if key.path[0] == "raw"]
    assert counted["ASSET_MATERIALIZATION"] == counted["ASSET_MATERIALIZATION_PLANNED"] == len(raw)
    checks = counted["ASSET_CHECK_EVALUATION"]
    steps = counted["STEP_START"]
    assert len(entries) <= 3 * (len(raw) + checks) + 3 * steps + 15


def test_without_as_of_all_steps_use_the_creation_time_of_the_run(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec], loads: Loads
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    assert _run(defs, specs).success
    (as_of,) = {as_of for _, as_of in loads.asked.values()}
    assert before <= as_of <= datetime.now(UTC)


def test_a_failed_source_is_reported_and_the_others_load(
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
def test_only_transient_faults_are_retried(
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
        screen = StringIO()
        progress = Progress(Console(file=screen, width=200))
        for entry in instance.all_logs(result.run_id):
            progress.handle(entry)
    assert loads.attempts == {"entities": attempts, "daily": attempts}
    assert progress.faults == ["sources.google_ads.access_token is not accepted: make a new one"]
    assert screen.getvalue().count("make a new one; retry in 0 s") == 2 * (attempts - 1)


def test_a_stale_source_uses_its_last_loaded_data(
    defs: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec], loads: Loads, tmp_path: Path
) -> None:
    loads.broken = "hubspot"
    never = _run(defs, specs, "hubspot", as_of=AS_OF)
    (failure,) = never.get_step_failure_events()
    assert failure.step_failure_data.user_failure_data
    assert "never loaded" in str(failure.step_failure_data.user_failure_data.description)

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


def test_the_published_state_of_a_source_comes_from_its_last_run(
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
