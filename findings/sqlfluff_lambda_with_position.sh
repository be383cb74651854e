#!/usr/bin/env bash
# sqlfluff 4.4.0: its DuckDB dialect parses `lambda x: ...` and not `lambda x, i: ...`, the form in which DuckDB's list functions
# pass the position of an element, though both stand side by side in DuckDB's documentation. The whole call is "unparsable",
# so that a linted project has to write positions as list_transform(range(...), lambda i: ...).
# Seen: DuckDB runs both; sqlfluff parses the first, and reports PRS for the second.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check "sqlfluff==4.4.0" 'duckdb==1.5.5'
"$place/venv/bin/python" - <<'PY'
import sys

import duckdb
import sqlfluff

QUERIES = {
    "one": "SELECT list_filter([5, 6, 7], lambda x: x > 5) AS kept\n",
    "two": "SELECT list_filter([5, 6, 7], lambda x, i: i > 1) AS kept\n",
}
runs = {name: duckdb.sql(query).fetchone()[0] for name, query in QUERIES.items()}
parses = {
    name: all(found["code"] != "PRS" for found in sqlfluff.lint(query, dialect="duckdb"))
    for name, query in QUERIES.items()
}
print(duckdb.__version__, sqlfluff.__version__, runs, parses)
sys.exit(not (runs == {"one": [6, 7], "two": [6, 7]} and parses == {"one": True, "two": False}))
PY
