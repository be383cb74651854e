"""CRM search over the large portal: filters and one sort on ids and instants."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import orjson

from sandbox.bulk import records
from sandbox.bulk.common import Refused, epoch_ms
from sandbox.bulk.portal import Ints, Portal

_SEARCHES_KEPT = 8


class Search:
    """Finds positions; what was found is kept while it is paged and nothing changes."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self._found: OrderedDict[tuple[int, bytes], Ints] = OrderedDict()

    def find(self, name: str, body: dict[str, Any]) -> Ints:
        """Positions of all matches in order."""
        groups, sorts = body.get("filterGroups") or [], body.get("sorts") or []
        key = (self.portal.generation, orjson.dumps([name, groups, sorts]))
        if key not in self._found:
            columns = self._searchable(name)
            matching = np.zeros(len(columns["hs_object_id"]), np.bool_)
            for group in groups or [{}]:
                fits = ~records.KINDS[name].archived(self.portal)
                for rule in group.get("filters", []):
                    fits = fits & self._fits(columns, rule)
                matching |= fits
            found = np.flatnonzero(matching)
            for sort in sorts[:1]:
                column = self._column(columns, sort["propertyName"] if isinstance(sort, dict) else str(sort))
                found = found[np.argsort(column[found], kind="stable")]
                if isinstance(sort, dict) and sort.get("direction") == "DESCENDING":
                    found = found[::-1]
            self._found[key] = found
            while len(self._found) > _SEARCHES_KEPT:
                self._found.popitem(last=False)
        return self._found[key]

    def _searchable(self, name: str) -> dict[str, Ints]:
        kind = records.KINDS[name]
        return {
            "hs_object_id": kind.ids(self.portal),
            "createdate": kind.created(self.portal),
            kind.modified_property: kind.modified(self.portal),
        }

    def _column(self, columns: dict[str, Ints], name: str) -> Ints:
        if name not in columns:
            raise Refused(
                400, "VALIDATION_ERROR", f"this portal can only be searched by {', '.join(columns)}"
            )
        return columns[name]

    def _fits(self, columns: dict[str, Ints], rule: dict[str, Any]) -> Any:
        column = self._column(columns, str(rule.get("propertyName")))
        operator, value = rule.get("operator"), epoch_ms(str(rule.get("value", 0)))
        if operator == "BETWEEN":
            return (column >= value) & (column <= epoch_ms(str(rule.get("highValue"))))
        if operator == "IN":
            return np.isin(column, [epoch_ms(str(item)) for item in rule.get("values", [])])
        compare = {
            "EQ": np.equal,
            "NEQ": np.not_equal,
            "LT": np.less,
            "LTE": np.less_equal,
            "GT": np.greater,
            "GTE": np.greater_equal,
        }
        if operator not in compare:
            raise Refused(400, "VALIDATION_ERROR", f"Invalid operator: {operator}")
        return compare[operator](column, value)
