"""`adledger page`: landing pages that are watched besides those of the ads."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from adledger.common import fail, holder, refresh_in_progress
from orchestration.execution import clock


def add_page(
    url: Annotated[str, typer.Argument(metavar="URL", help="The page, like https://www.example.com/demo.")],
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag of yours; may be repeated.")
    ] = None,
) -> None:
    """Snapshot and tag a page now; from then on every refresh looks at it."""
    from adledger.terminal.page import show
    from ingestion.add_page import add_page as add
    from ingestion.config import home
    from ingestion.errors import IngestionError
    from orchestration.execution import locking

    console = Console()
    try:
        with locking.exclusive(holder("adledger page add")), console.status(f"Fetching {url}"):
            added = add(url, tags or (), as_of=clock.now().replace(microsecond=0))
    except IngestionError as error:
        fail([str(error)])
    except locking.Locked as busy:
        fail([f"{refresh_in_progress(busy, home())}; add the page when it has ended"])
    show(console, added)
