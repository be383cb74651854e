"""Speeds up imports."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Pauses garbage collection, which takes a quarter of the import time and frees nothing."""
    gc.disable()
    try:
        yield
    finally:
        # exclude the imported modules from later collections
        gc.freeze()
        gc.enable()
