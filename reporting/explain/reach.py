"""What the sources in use cannot tell of a bridge, in words."""

from __future__ import annotations

from collections.abc import Sequence

from reporting.explain.reading import Reach

#: More steps than that are counted, not named.
_NAMED = 4


def out_of_reach(found: Sequence[Reach]) -> list[str]:
    """Sentences on the steps of a bridge that are told in part or not at all; none where all are told."""
    none = [each for each in found if each.reach == "none"]
    partly = [each for each in found if each.reach == "partial"]
    said = []
    if none:
        said.append(f"Out of reach with what is read: {'; '.join(each.label for each in none)}.")
    if partly:
        lacking = dict.fromkeys(name for each in partly for name in each.lacking)
        labels = "; ".join(each.label for each in partly)
        named = f"{len(partly)} steps" if len(partly) > _NAMED else labels
        said.append(f"Told in part: {named}, for want of {'; '.join(lacking)}.")
    if remedies := dict.fromkeys(remedy for each in found for remedy in each.remedies):
        said.append(f"More would tell: {'; '.join(remedies)}.")
    return said
