"""Parses the dbt project once for all homes (`make setup`)."""

from __future__ import annotations

from orchestration.project import parse, shipped_dir

if __name__ == "__main__":
    parse(shipped_dir())
