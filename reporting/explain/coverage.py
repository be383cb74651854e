"""Notes on the bridge steps that the loaded sources cover partly or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from reporting.explain.bridge import StepCoverage

#: Above this number, steps are counted instead of listed.
_LISTED = 4


def coverage_notes(steps: Sequence[StepCoverage]) -> list[str]:
    """Return notes on missing inputs and how to add them; empty if every step has all its inputs."""
    uncovered = [step for step in steps if step.coverage == "none"]
    partly = [step for step in steps if step.coverage == "partial"]
    notes = []
    if uncovered:
        labels = "; ".join(step.label for step in uncovered)
        notes.append(f"Not available from the connected sources: {labels}.")
    if partly:
        missing = dict.fromkeys(name for step in partly for name in step.missing_inputs)
        labels = "; ".join(step.label for step in partly)
        listed = f"{len(partly)} steps" if len(partly) > _LISTED else labels
        notes.append(f"Partly covered: {listed}; missing: {', '.join(missing)}.")
    if to_add := dict.fromkeys(each for step in steps for each in step.how_to_add):
        notes.append(f"To improve coverage, add: {'; '.join(to_add)}.")
    return notes
