"""Imports without garbage collection."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Pauses the garbage collector, which takes a quarter of an import's time and finds nothing."""
    gc.disable()
    try:
        yield
    finally:
        # later collections leave it alone, too
        gc.freeze()
        gc.enable()
