"""What makes loading the definitions cheap."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: What the workers' server imports once for all of them; a name that another version lacks is passed over.
PRELOADED = [
    "orchestration.execution.job",
    # the instance, which each worker opens
    "orchestration.execution.event_log",
    "dagster._core.storage.legacy_storage",
    "dagster._core.storage.runs",
    "dagster._core.storage.schedules",
    "dagster._core.storage.defs_state.blob_storage_state_storage",
    # what the steps come to
    "ibis.backends.duckdb",
    "pandera.backends.ibis.register",
    "pyarrow.dataset",
]


@contextmanager
def uncollected() -> Iterator[None]:
    """All that is imported stays: looking for garbage among it would take a quarter of the time."""
    gc.disable()
    try:
        yield
    finally:
        # forked workers leave it alone, too
        gc.freeze()
        gc.enable()
