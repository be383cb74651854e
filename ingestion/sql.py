"""Texts in SQL that takes no parameters, such as ATTACH."""

from __future__ import annotations


def sql_text(value: object) -> str:
    """Return a text or a path as a literal of SQL."""
    return "'" + str(value).replace("'", "''") + "'"
