"""Readers of a published file while others are swapped in: each file is seen, and no reader errs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

Seen = TypeVar("Seen", bound=Hashable)
_PATIENCE_SECONDS = 60


def read_through(
    swaps: Iterable[tuple[Callable[[], None], Seen]], read: Callable[[], Seen], readers: int
) -> None:
    """Swaps one file in after the other, each once a reader has seen the one before.

    `read` says which file it saw, and raises what is wrong with it.
    """
    done, faults, seen = threading.Event(), list[Exception](), set[Seen]()
    swapped = threading.Condition()

    def run() -> None:
        try:
            while not done.is_set():
                found = read()
                with swapped:
                    seen.add(found)
                    swapped.notify()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test reports it
            with swapped:
                faults.append(error)
                swapped.notify()

    threads = [threading.Thread(target=run) for _ in range(readers)]
    for thread in threads:
        thread.start()
    try:
        for swap, new in swaps:
            swap()
            with swapped:
                assert swapped.wait_for(lambda new=new: new in seen or faults, _PATIENCE_SECONDS), new
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not faults, faults[0]
