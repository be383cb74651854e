"""The sources that are loaded from files, and the module that loads each of them."""

from __future__ import annotations

from datetime import date

from ingestion.errors import SettingError
from ingestion.exports import facebook_ads, google_ads, hubspot, linkedin_ads, rows, settings
from ingestion.exports.folder import Folder, read
from ingestion.exports.layouts import layout
from ingestion.sources.protocol import DailyLoader, Loader

_NETWORKS: dict[str, DailyLoader] = {each.VENDOR: each for each in (google_ads, facebook_ads, linkedin_ads)}
_READERS: dict[str, Loader] = {hubspot.VENDOR: hubspot, **_NETWORKS}


def reader(source: str) -> Loader | None:
    """Return the module that loads a source's files; None without a folder or without the source's main file.

    Raises SettingError if the folder cannot be listed.
    """
    return _READERS.get(source) if _has_files(source) else None


def daily_reader(source: str) -> DailyLoader | None:
    """Return the module that loads a network's daily figures from files, as `reader` does."""
    return _NETWORKS.get(source) if _has_files(source) else None


def _has_files(source: str) -> bool:
    found = _folder()
    return found is not None and source in _READERS and bool(found.of(source, settings.MAIN[source]))


def missing_main_file(source: str) -> str | None:
    """Return a message if a source has files but no main file; None if it has no file or its main file."""
    found = _folder()
    if found is None or source not in _READERS or found.of(source, settings.MAIN[source]):
        return None
    main = next(kind for kind in layout(source).files if kind.name == settings.MAIN[source])
    if refused := found.refused(source, main.name):
        return f"{found.path} contains no readable file of its {main.title}: {refused[0]}"
    if not any(export.vendor == source for export in found.exports) and not found.refused(source):
        return None
    return f"{found.path} contains no file of its {main.title} ({main.where})"


def available_inputs(source: str, *, from_files: bool) -> list[dict[str, object]]:
    """Return the inputs that steps of the bridge need from a source, and whether its files or API have them.

    Rows of the raw table `available_inputs`. dbt checks whether a portal's API returns page views.
    """
    if source not in _READERS:
        return []
    folder = _folder() if from_files else None
    known = layout(source)
    files = [export for export in folder.exports if export.vendor == source] if folder is not None else []
    available = (
        known.inputs.keys() if folder is None else frozenset().union(*(export.inputs for export in files))
    )
    kinds = {export.kind.name for export in files}
    return [
        {
            "input": each.name,
            "title": each.title,
            "how_to_add": known.how_to_add(each.name, kinds),
            "is_available": each.name in available,
        }
        for each in known.inputs.values()
    ]


def first_day(source: str) -> date | None:
    """Return the first day in the source's files; None if they have no days."""
    found = _folder()
    days = rows.day_range(found, source) if found is not None else None
    return days.start if days else None


def _folder() -> Folder | None:
    path = settings.folder()
    if path is None:
        return None
    try:
        return read(path)
    except OSError as fault:
        raise SettingError(f"{settings.SECTION.name('folder')}: {path}: {fault.strerror}") from fault
