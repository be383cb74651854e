"""The list of published columns at the end of docs/contract.md, from the dbt YAML."""

from __future__ import annotations

from pathlib import Path

from orchestration.project import manifest, published_models

CONTRACT = Path(__file__).parent / "contract.md"
_HEADING = "## 6. Columns\n"


def columns() -> str:
    """Return the section: one line per published table with its columns in order."""
    lines = [
        f"* **{model['schema']}.{model['name']}**: {', '.join(model['columns'])}"
        for model in published_models(manifest())
    ]
    return (
        f"{_HEADING}\nEvery column of every published table, in order (`make contract-columns`).\n\n"
        + "".join(f"{line}\n" for line in lines)
    )


def write() -> None:
    """Replace the section in the contract, or add it."""
    text, _, _ = CONTRACT.read_text().partition(_HEADING)
    CONTRACT.write_text(f"{text.rstrip()}\n\n{columns()}")


if __name__ == "__main__":
    write()
