"""`adledger page`: landing pages to monitor in addition to those of the ads."""

from __future__ import annotations

from typing import Annotated

import typer

from adledger.common import fail, full_disk_in_one_line, lock_holder, refresh_in_progress
from orchestration.execution import clock
from reporting.text import SafeConsole


def add_page(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="URL of the page, like https://www.example.com/demo.")
    ],
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Tag for the page; can be repeated.")
    ] = None,
) -> None:
    """Fetch and tag a page now; every later refresh fetches it again."""
    from adledger.terminal.page import show
    from ingestion.add_page import add_page as add
    from ingestion.config import home
    from ingestion.errors import IngestionError
    from orchestration.execution import locking

    console = SafeConsole()
    try:
        with (
            full_disk_in_one_line(),
            locking.exclusive(lock_holder("adledger page add")),
            console.status(f"Fetching {url}"),
        ):
            added = add(url, tags or (), as_of=clock.now().replace(microsecond=0))
    except IngestionError as error:
        fail([str(error)])
    except locking.Locked as busy:
        fail([f"{refresh_in_progress(busy, home())}; add the page when it has finished"])
    show(console, added)
