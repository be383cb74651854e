"""Sphinx configuration: the pages of this folder, and generated tables, metrics, reasons, permissions."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

import dictionary
import downloads
import permissions
import reasons

project = "adledger"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "adledger"
html_copy_source = False
exclude_patterns = [
    "_build",
    "tables/downloads.md",
    "tables/inputs.md",
    "tables/labels.md",
    "tables/hubspot_scopes.md",
]
myst_heading_anchors = 3


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", _write)


def _write(app: Sphinx) -> None:
    generated = Path(app.srcdir) / "tables"
    dictionary.write(generated)
    permissions.write(generated)
    downloads.write(generated)
    dictionary.write_metrics(Path(app.srcdir) / "metrics.md")
    reasons.write(Path(app.srcdir) / "reasons.md")
