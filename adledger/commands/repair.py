"""`adledger repair`: repairs damaged files and a store that was loaded with a wrong clock."""

from __future__ import annotations

from adledger.common import fail, lock_holder, refresh_in_progress
from orchestration.execution import clock
from reporting.text import SafeConsole


def repair() -> None:
    """Move damaged files aside, keep what can be read of them, and date observations from the future to now.

    Nothing is deleted; what was moved is in the folder repair of the home. Run adledger refresh afterwards.
    """
    from ingestion.config import home
    from orchestration.execution import locking
    from orchestration.execution.repair import repair as run_repair

    try:
        with locking.exclusive(lock_holder("adledger repair")):
            lines = run_repair(home(), clock.now())
    except locking.Locked as busy:
        fail([f"{refresh_in_progress(busy, home())}; repair the home when it has finished"])
    console = SafeConsole()
    for line in lines or [f"{home()} needs no repair"]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if lines:
        console.print("Run adledger refresh to load and publish again.", highlight=False)
