#!/usr/bin/env bash
# DuckDB 1.5.5: the product of two DECIMAL(18, s) values has 18 digits as long as the scales add up to at most 18, and 36 digits
# as soon as they add up to more. Money with 6 decimals times an exchange rate with 8 overflows from 10,000 on, while the same
# money times a share with 12 decimals does not. One would guess that the type widens with the factors, or never.
# Seen: DECIMAL(18,14) and an error at 20,000 x 0.9; DECIMAL(36,18) and 18000 with the longer factor.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check 'duckdb==1.5.5'
"$place/venv/bin/python" - <<'PY'
import sys

import duckdb

MONEY = "CAST(20000 AS DECIMAL(18, 6))"


def product(scale: int) -> str:
    factor = f"{MONEY} * CAST(0.9 AS DECIMAL(18, {scale}))"
    (kind,) = duckdb.sql(f"SELECT typeof({factor.replace('20000', '1')})").fetchone()
    try:
        (value,) = duckdb.sql(f"SELECT {factor}").fetchone()
    except duckdb.OutOfRangeException:
        value = "overflow"
    return f"{kind} {value}"


seen = {scale: product(scale) for scale in (8, 12)}
print(duckdb.__version__, seen)
expected = {8: "DECIMAL(18,14) overflow", 12: "DECIMAL(36,18) 18000.000000000000000000"}
sys.exit(seen != expected)
PY
