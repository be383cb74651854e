#!/usr/bin/env bash
# dagster-dbt 0.29.27 with dbt-core 1.11.16: a singular test names its model in `meta.dagster.ref`, as the documentation says for a
# test with several dependencies. If the test reads sources alone, the asset check is missing from the definitions, without a
# warning, although the named model exists and dbt runs the test. One would guess that the reference is enough, or that an
# unusable one is refused: it counts only for a model that the test depends on, for which a comment `-- depends_on:` is enough.
# Seen: the test without the comment is no asset check, the same test with it is one.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check 'dagster==1.13.27' 'dagster-dbt==0.29.27' \
  'dbt-core==1.11.16' 'dbt-duckdb==1.11.1'
mkdir -p "$place/project/models" "$place/project/tests"
cd "$place/project"
printf 'name: shop\nprofile: shop\n' > dbt_project.yml
printf 'shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb}\n' > profiles.yml
printf 'version: 2\nsources:\n  - name: raw\n    tables: [{name: orders}, {name: returns}]\n' > models/sources.yml
printf "select * from {{ source('raw', 'orders') }}\n" > models/orders.sql
read_sources="select o.id from {{ source('raw', 'orders') }} as o join {{ source('raw', 'returns') }} as r on o.id = r.id"
meta="{{ config(meta={'dagster': {'ref': {'name': 'orders'}}}) }}"
printf '%s\n%s\n' "$meta" "$read_sources" > tests/named_only.sql
printf '%s\n%s\n%s\n' "$meta" "-- depends_on: {{ ref('orders') }}" "$read_sources" > tests/named_and_read.sql
export DBT_SEND_ANONYMOUS_USAGE_STATS=false DAGSTER_DISABLE_TELEMETRY=yes
"$place/venv/bin/dbt" --quiet parse --profiles-dir .
found=$("$place/venv/bin/python" - 2> /dev/null <<'PY'
from pathlib import Path
from dagster_dbt import dbt_assets

@dbt_assets(manifest=Path("target/manifest.json"))
def shop(context):
    yield

print(" ".join(sorted(spec.name for spec in shop.check_specs)))
PY
)
echo "asset checks: $found"
[ "$found" = "named_and_read" ]
