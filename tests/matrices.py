"""Long matrices run whole under the hypothesis profile `full`, in a reduced count otherwise."""

from __future__ import annotations

from hypothesis import settings

WHOLE = settings().max_examples >= 1000
