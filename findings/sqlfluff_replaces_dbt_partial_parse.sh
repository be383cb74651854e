#!/usr/bin/env bash
# sqlfluff-templater-dbt 4.4.0 with dbt-core 1.11.16: linting writes dbt's partial parse (target/partial_parse.msgpack) of the
# project. Where the linter's target is not the one of daily use (a target that needs no connection, say), the next dbt command
# parses the whole project again, and so does the next lint: the two take turns at throwing the other's parse away. One would
# guess that a linter leaves the project's artifacts alone, or keeps its own.
# Seen: the second `dbt parse` reuses the first; after `sqlfluff lint` the third says that the profile or target has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check 'dbt-core==1.11.16' 'dbt-duckdb==1.11.1' \
  'sqlfluff==4.4.0' 'sqlfluff-templater-dbt==4.4.0'
mkdir -p "$place/project/models"
cd "$place/project"
printf 'name: shop\nprofile: shop\nmodels: {}\n' > dbt_project.yml
printf 'select 1 as id\n' > models/orders.sql
cat > profiles.yml <<'YML'
shop:
  target: daily
  outputs:
    daily: {type: duckdb, path: shop.duckdb}
    lint: {type: duckdb, path: ":memory:"}
YML
printf '[sqlfluff]\ndialect = duckdb\ntemplater = dbt\n[sqlfluff:templater:dbt]\nproject_dir = .\nprofiles_dir = .\ntarget = lint\n' > .sqlfluff
export DBT_SEND_ANONYMOUS_USAGE_STATS=false
parse() {
  local printed
  printed=$("$place/venv/bin/dbt" parse --profiles-dir .)
  case "$printed" in *"Unable to do partial parsing"*) echo "whole" ;; *) echo "partial" ;; esac
}
parse > /dev/null
second=$(parse)
"$place/venv/bin/sqlfluff" lint models > /dev/null
third=$(parse)
echo "dbt parse again: $second; after sqlfluff lint: $third"
[ "$second $third" = "partial whole" ]
