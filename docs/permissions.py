"""What each vendor's token must be allowed, from what `adledger doctor` asks for."""

from __future__ import annotations

from pathlib import Path

from ingestion.sources.hubspot.doctor import ENDPOINTS

_OUTCOME = {"error": "needed", "warning": "optional"}


def write(folder: Path) -> None:
    """Writes `hubspot_scopes.md` into `folder`: a scope is enough for a line, the first is the usual one."""
    lines = ["| scope | for | | without it |", "| --- | --- | --- | --- |"]
    for endpoint in ENDPOINTS:
        usual, *others = endpoint.scopes
        scope = f"`{usual}`" + (f" (or {', '.join(f'`{other}`' for other in others)})" if others else "")
        tier = f", {endpoint.tier}" if endpoint.tier else ""
        lines.append(f"| {scope} | {endpoint.name}{tier} | {_OUTCOME[endpoint.level]} | {endpoint.without} |")
    folder.mkdir(exist_ok=True)
    (folder / "hubspot_scopes.md").write_text("\n".join(lines) + "\n")
