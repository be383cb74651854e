"""The command line. Reads options and prints; imports Dagster only once they are known to be good."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from orchestration import clock
from orchestration.window import InvalidOption, check_range, parse_day, parse_instant

if TYPE_CHECKING:
    from ingestion.planning import Reread
    from orchestration.explain.answering import Forms
    from orchestration.explain.scope import Scope
    from orchestration.locking import Locked
    from orchestration.refresh import Outcome, Plan

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Why the ad networks report more conversions than HubSpot shows contacts: every unit accounted for.",
)

_Start = Annotated[str | None, typer.Option(metavar="DAY", help="First day, like 2026-08-01.")]
#: The simulated company's: clean to hostile, and plain with one account a network.
PROFILES = ("clean", "typical", "messy", "hostile", "plain")
_End = Annotated[str | None, typer.Option(metavar="DAY", help="Last day, like 2026-10-31.")]


@app.command()
def refresh(
    start: _Start = None,
    end: _End = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="The instant to treat as now, like 2026-11-01T06:00:00Z."),
    ] = None,
    allow_stale: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE", help="Publish with this source's last landed state if it cannot be read."
        ),
    ] = None,
    exports: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Read downloaded files of this folder instead of the APIs of the vendors it has files of.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Land every source, build and validate the warehouse, publish serving.duckdb.

    Without a range: from the last landed day less the networks' restatement windows (first time: 90 days)
    to as-of; days that nobody can change any more are left alone. With a range, each of its days is read.
    """
    instant, first, last = _range(start, end, as_of, allow_stale or ())
    if exports is not None:
        _use_files(exports, Console())
    _alone(instant, first, last, "all" if first or last else "unsettled", allow_stale or ())


@app.command()
def backfill(
    start: Annotated[str, typer.Option(metavar="DAY", help="First day, like 2024-01-01.")],
    end: _End = None,
) -> None:
    """Land the days of a past range that were never read, newest first, and publish.

    Every hundred days land by themselves: after an interruption the same command goes on where it stopped.
    """
    instant, first, last = _range(start, end, None, ())
    _alone(instant, first, last, "none", ())


def _use_files(folder: Path, console: Console) -> None:
    """Makes the folder the one that this command's loads read, and says what they will find."""
    from ingestion.exports import settings
    from orchestration.exports import overview

    os.environ[settings.SECTION.environment("folder")] = str(folder.resolve())
    if not overview(folder, console):
        _fail([f"{folder} has no file of a known kind: adledger doctor --exports {folder} says more"])


def _range(
    start: str | None, end: str | None, as_of: str | None, allow_stale: Sequence[str]
) -> tuple[datetime, date | None, date | None]:
    try:
        instant = parse_instant(as_of, clock.now())
        first, last = parse_day("--start", start), parse_day("--end", end)
        check_range(first, last, instant, datetime.now(UTC).date())
        for name in allow_stale:
            _check_source("--allow-stale", name)
    except InvalidOption as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from error
    return instant, first, last


def _alone(
    as_of: datetime, first: date | None, last: date | None, reread: Reread, allow_stale: Sequence[str]
) -> None:
    from ingestion.pipelines import home
    from orchestration import locking
    from orchestration.refresh import Plan

    try:
        with locking.exclusive(_me("adledger refresh")):
            _refresh(Plan(as_of, first, last, reread, tuple(allow_stale)), Console())
    except locking.Locked as busy:
        _fail([f"{_running(busy, home())}; wait for it, or set ADLEDGER_HOME to another place"])


@app.command()
def explain(
    network: Annotated[
        str | None, typer.Option(metavar="NETWORK", help="google_ads, facebook_ads or linkedin_ads.")
    ] = None,
    account: Annotated[str | None, typer.Option(metavar="ID", help="One ad account.")] = None,
    campaign: Annotated[str | None, typer.Option(metavar="ID", help="One campaign.")] = None,
    ad: Annotated[str | None, typer.Option(metavar="ID", help="One ad.")] = None,
    tag: Annotated[
        str | None, typer.Option(metavar="TAG", help="The ads whose landing pages carry this tag.")
    ] = None,
    start: _Start = None,
    end: _End = None,
    report: Annotated[
        str | None, typer.Option(metavar="REPORT", help="Another of HubSpot's attribution reports.")
    ] = None,
    step: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="The single events behind this step, and what decided them."),
    ] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="ID", help="One person instead: visits, forms, credits, claims.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Into a page to mail.", dir_okay=False)
    ] = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Into a picture.", dir_okay=False)] = None,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Into a drawing of the terminal.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    personal_data: Annotated[
        bool,
        typer.Option("--show-personal-data", help="Show contact, event and click ids and whole addresses."),
    ] = False,
) -> None:
    """Explain, per network, the steps from its conversions to HubSpot's contacts, or one person's journey."""
    from ingestion.config import home
    from orchestration.explain.answering import Forms
    from orchestration.explain.scope import NETWORKS, Scope, unknown

    try:
        if network is not None and network not in NETWORKS:
            raise unknown("--network", network, NETWORKS)
        first, last = parse_day("--start", start), parse_day("--end", end)
        if first and last and last < first:
            raise InvalidOption("--end", f"{last} lies before --start, {first}")
        scope = Scope(network, account, campaign, ad, tag, first, last, report)
        if contact and (step or png or svg or any(v for k, v in scope.filters().items() if k != "report")):
            raise InvalidOption(
                "--contact", "goes with --report, --html, --json and --show-personal-data alone"
            )
        if step and (png or svg):
            raise InvalidOption("--step", "has no picture: use it with --html or --json")
        forms = Forms(html, png, svg, as_json, personal_data)
        _explain(home() / "serving.duckdb", Console(), scope, forms, step, contact)
    except InvalidOption as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from error


@app.command()
def demo(
    profile: Annotated[
        str, typer.Option(metavar="PROFILE", help=f"How tidy its world is: {', '.join(PROFILES)}.")
    ] = "typical",
    people: Annotated[int | None, typer.Option(min=1, help="People of the simulated company.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed, another company.")] = None,
    no_events: Annotated[
        bool, typer.Option("--no-events", help="A portal tier without page-view events, and what that costs.")
    ] = False,
) -> None:
    """Run the whole pipeline on a simulated company, without any account, and explain its bridge."""
    from orchestration import locking
    from orchestration.demo import SandboxFailed, forget_landed, note_options, sandbox, use
    from orchestration.demo import place as demonstrations

    if profile not in PROFILES:
        raise typer.BadParameter(f"{profile} is none of {', '.join(PROFILES)}", param_hint="--profile")
    # so that the sandbox is stopped on a plain kill, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console, began = Console(), time.monotonic()
    place = demonstrations()
    asked = (("profile", profile), ("people", people), ("seed", seed))
    options = [f"--{name}={value}" for name, value in asked if value is not None]
    if no_events:
        options.append("--no-events")
    console.print("Starting a simulated company on loopback HTTP")
    try:
        with sandbox(options, place / "logs" / "sandbox.log") as company:
            use(company, place)
            from orchestration.refresh import Plan

            with locking.exclusive(_me("adledger demo")):
                forget_landed(place)
                note_options(place, options)
                _refresh(Plan(company.now), console)
    except SandboxFailed as error:
        _fail([str(error)])
    except locking.Locked as busy:
        _fail([f"{_running(busy, place)}; wait for it"])
    console.print()
    _explain(place / "serving.duckdb", console)
    if no_events:
        from orchestration.explain.reading import cost_without_events

        console.print(cost_without_events(place / "serving.duckdb"))
    console.print(f"[dim]Everything above took {time.monotonic() - began:.0f} s. What to open next:[/dim]")
    shown, programs = _from_here(place), _from_here(Path(sys.executable).parent)
    for what, command in (
        (
            "the bridge again, by network or days",
            f"ADLEDGER_HOME={shown} {programs}/adledger explain --network google_ads",
        ),
        (
            "a page of it to mail",
            f"ADLEDGER_HOME={shown} {programs}/adledger explain --html bridge.html",
        ),
        (
            "the dashboard, in a browser",
            f"{programs}/adledger dashboard --demo",
        ),
        (
            "the published tables, from any tool that speaks DuckDB",
            f"{shown}/serving.duckdb  (FROM reconciliation.conversion_bridge)",
        ),
        (
            "lineage, checks and runs in a browser",
            f"{programs}/adledger ui --demo",
        ),
    ):
        console.print(f"  {what}\n    [bold]{escape(command)}[/bold]", highlight=False, soft_wrap=True)


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on; any but this machine's own needs a login before it.",
        ),
    ] = "127.0.0.1",
    demonstration: Annotated[
        bool, typer.Option("--demo", help="With the demonstration's company even if accounts are set up.")
    ] = False,
) -> None:
    """Open Dagster's UI in a browser: lineage, checks, runs, backfills; runs its schedule and alerts, too.

    Ctrl-C closes it, and ends the runs in progress that were started there or by the schedule.
    """
    from ingestion.config import home
    from ingestion.errors import SettingError
    from orchestration import locking
    from orchestration.demo import SandboxFailed
    from orchestration.processes import Address, ServerFailed, Stopped
    from orchestration.ui import open_ui

    try:
        open_ui(Address(host, port), Console(), demonstration=demonstration)
    except (ServerFailed, SandboxFailed, SettingError) as error:
        _fail([str(error)])
    except locking.Locked as busy:
        _fail([f"the UI of {home()} is open already: {busy.holder}"])
    except Stopped as stopped:
        raise typer.Exit(128 + stopped.number) from stopped


@app.command()
def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
    demonstration: Annotated[
        bool, typer.Option("--demo", help="Of the demonstration's company, as adledger demo published it.")
    ] = False,
) -> None:
    """Open the published figures in a browser: what differs, why, what to fix. Ctrl-C closes it."""
    from ingestion.config import home
    from orchestration import demo as demonstrated
    from orchestration.dashboard import open_dashboard
    from orchestration.processes import LOOPBACK, Address, ServerFailed

    place = demonstrated.place() if demonstration else home()
    if not (place / "serving.duckdb").exists():
        command = "demo" if demonstration else "refresh"
        _fail([f"nothing is published in {place} yet: run adledger {command}"])
    try:
        open_dashboard(Address(LOOPBACK, port), place, Console())
    except ServerFailed as error:
        _fail([str(error)])


@app.command()
def doctor(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE", help="hubspot, google_ads, facebook_ads, linkedin_ads; all if none."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    exports: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Look at a folder of downloaded reports instead.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Check settings, tokens, permissions, accounts, versions, clock and limits; lands nothing.

    With --exports: what the files of a folder are, which days they have, and what in them cannot be read.
    """
    if exports is not None:
        _examine(exports, sources or (), as_json)
        return
    try:
        for name in sources or ():
            _check_source("SOURCE", name, vendor=True)
    except InvalidOption as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from error
    from orchestration import doctor as findings

    if as_json:
        document, fine = findings.as_json(sources or ())
        typer.echo(document)
    else:
        fine = findings.show(Console(), sources or ())
    if not fine:
        raise typer.Exit(1)


def _examine(folder: Path, sources: Sequence[str], as_json: bool) -> None:
    from ingestion.exports.examine import examine
    from orchestration import exports as shown

    if sources:
        raise typer.BadParameter("goes without a SOURCE", param_hint="--exports")
    console = Console()
    with console.status(f"Reading {folder}") if not as_json else nullcontext():
        found = examine(folder)
    if as_json:
        typer.echo(shown.as_json(found))
    else:
        shown.show(console, found)
    if found.has_fault:
        raise typer.Exit(1)


pages = typer.Typer(no_args_is_help=True, help="Landing pages that are watched besides those of the ads.")
app.add_typer(pages, name="page")


@pages.command("add")
def add_page(
    url: Annotated[str, typer.Argument(metavar="URL", help="The page, like https://www.example.com/demo.")],
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag of yours; may be repeated.")
    ] = None,
) -> None:
    """Snapshot and tag a page now; from then on every refresh looks at it."""
    from ingestion.config import home
    from ingestion.errors import IngestionError
    from ingestion.landing_pages.adding import add_page as add
    from orchestration import locking
    from orchestration.pages import show

    console = Console()
    try:
        with locking.exclusive(_me("adledger page add")), console.status(f"Fetching {url}"):
            added = add(url, tags or (), as_of=clock.now().replace(microsecond=0))
    except IngestionError as error:
        _fail([str(error)])
    except locking.Locked as busy:
        _fail([f"{_running(busy, home())}; add the page when it has ended"])
    show(console, added)


def _refresh(plan: Plan, console: Console) -> None:
    from ingestion.errors import SettingError
    from orchestration.progress import Progress
    from orchestration.refresh import log_path, run

    shown: list[Progress] = []

    def make_progress(terminal: int) -> Progress:
        stream = open(terminal, "w", closefd=False)  # noqa: SIM115 - lives as long as the descriptor
        shown.append(Progress(Console(file=stream, force_terminal=console.is_terminal, width=console.width)))
        return shown[0]

    console.print("Preparing")
    try:
        outcome: Outcome = run(plan, make_progress)
    except SettingError as error:
        _fail([str(error)])
    if outcome.published:
        return
    faults = outcome.faults or [f"the run ended before it published: see {log_path()}"]
    _fail([*faults, *_untouched(), f"details: {log_path()}"])


def _me(command: str) -> str:
    return f"{command}, process {os.getpid()}"


def _running(busy: Locked, place: Path) -> str:
    return f"another refresh is running in {place}{f' ({busy.holder})' if busy.holder else ''}"


def _from_here(path: Path) -> Path:
    """The path as a user would type it in this folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _untouched() -> list[str]:
    from ingestion.config import home

    published = home() / "serving.duckdb"
    return [
        f"nothing was published: {published} is as it was" if published.exists() else "nothing was published"
    ]


def _explain(
    serving: Path,
    console: Console,
    scope: Scope | None = None,
    forms: Forms | None = None,
    step: str | None = None,
    contact: str | None = None,
) -> None:
    from orchestration.explain.answering import Outdated, answer
    from orchestration.explain.scope import Scope

    if not serving.exists():
        _fail([f"nothing is published in {serving.parent} yet: run adledger refresh"])
    try:
        found = answer(serving, scope or Scope(), console, forms, step=step, contact=contact)
    except Outdated as error:
        _fail([str(error)])
    except OSError as error:
        _fail([f"cannot write {error.filename}: {error.strerror}"])
    if not found and forms and forms.files:
        _fail(["no network has figures in this range: nothing was written"])
    if not found and not (forms and forms.json):
        console.print("No network has figures in this range.")


def _check_source(option: str, name: str, *, vendor: bool = False) -> None:
    from ingestion.pipelines import SOURCES, VENDORS

    known = VENDORS if vendor else SOURCES
    if name not in known:
        raise InvalidOption(option, f"{name} is none of {', '.join(known)}")


def _fail(lines: list[str]) -> NoReturn:
    console = Console(stderr=True)
    for line in lines:
        console.print(f"[red]adledger:[/red] {escape(line)}", highlight=False, soft_wrap=True)
    raise typer.Exit(1)
