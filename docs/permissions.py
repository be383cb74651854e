"""Write the table of HubSpot token scopes, from the checks of `adledger doctor`."""

from __future__ import annotations

from pathlib import Path

from ingestion.sources.hubspot.doctor import ENDPOINTS

_OUTCOME = {"error": "needed", "warning": "optional"}


def write(folder: Path) -> None:
    """Write `hubspot_scopes.md` into `folder`, a line per endpoint; any of its scopes suffices."""
    lines = ["| scope | for | | without it |", "| --- | --- | --- | --- |"]
    for endpoint in ENDPOINTS:
        usual, *others = endpoint.scopes
        scope = f"`{usual}`" + (f" (or {', '.join(f'`{other}`' for other in others)})" if others else "")
        tier = f", {endpoint.tier}" if endpoint.tier else ""
        lines.append(f"| {scope} | {endpoint.name}{tier} | {_OUTCOME[endpoint.level]} | {endpoint.without} |")
    folder.mkdir(exist_ok=True)
    (folder / "hubspot_scopes.md").write_text("\n".join(lines) + "\n")
