"""Build the models again under the other reading of each choice that no source decides.

`python -m benchmarks.readings HOME AS_OF SETTING...` writes HOME/readings/SETTING/warehouse.duckdb, a copy of
the home's warehouse with the other value of that one setting. It parses the project once for all of them: dbt
by itself parses it again whenever `--vars` change.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from benchmarks.choices import CHOICES, Choice
from orchestration.project import PROJECT_DIR

BRIDGE = "conversion_bridge"
#: Macros that read every setting and decide nothing.
_BOOKKEEPING = {"setting", "code_version"}


def models_that_read(setting: str, manifest: Mapping[str, Any]) -> list[str]:
    """Models whose SQL depends on a setting, directly or through macros, from dbt's manifest."""
    macros = {
        key: macro
        for key, macro in manifest["macros"].items()
        if macro["package_name"] == "adledger" and macro["name"] not in _BOOKKEEPING
    }
    reading = {key for key, macro in macros.items() if setting in macro["macro_sql"]}
    while more := {
        key
        for key, macro in macros.items()
        if key not in reading and reading & set(macro["depends_on"]["macros"])
    }:
        reading |= more
    return sorted(
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and (setting in node["raw_code"] or reading & set(node["depends_on"]["macros"]))
    )


def _build(home: Path, choice: Choice, manifest: Manifest, models: Sequence[str]) -> bool:
    """Build what depends on the choice, up to the bridge, in a copy of the warehouse. False: it failed."""
    copy = home / "readings" / choice.setting
    copy.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(home / "warehouse.duckdb", copy / "warehouse.duckdb")
    if not (copy / "raw").exists():
        (copy / "raw").symlink_to(home / "raw")
    os.environ["ADLEDGER_HOME"] = str(copy)
    arguments = [
        *("run", *_arguments(home), "--vars", json.dumps({choice.setting: choice.other_value})),
        *("--select", *(f"{model}+,+{BRIDGE}" for model in models)),
    ]
    return dbtRunner(manifest=manifest).invoke(arguments).success


def _arguments(home: Path) -> list[str]:
    folder = home / "readings"
    return [
        *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)),
        *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
    ]


def main(argv: Sequence[str]) -> int:
    """Parse the project once, then build every choice that is named."""
    home, wanted = Path(argv[0]), argv[2:]
    os.environ |= {"ADLEDGER_HOME": str(home), "ADLEDGER_AS_OF": argv[1], "ADLEDGER_PROJECT_HASH": ""}
    parsed = dbtRunner().invoke(["parse", *_arguments(home)])
    if not isinstance(parsed.result, Manifest):
        return 1
    manifest = json.loads((home / "readings" / "target" / "manifest.json").read_bytes())
    for choice in CHOICES:
        if choice.setting in wanted:
            models = models_that_read(choice.setting, manifest)
            if not _build(home, choice, parsed.result, models):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
