"""Text from outside (names, URLs, errors of servers), made safe for a terminal, for JSON and for one line.

A terminal obeys control characters in a name: they can move the cursor, rewrite lines or set its title.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# C0 and C1 controls but tab and line feed, and marks that change the order of the text around them
# (https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Removes control characters other than tab and line feed."""
    return text if text.isascii() and text.isprintable() else _CONTROL.sub("", text)


def one_line(text: str, length: int | None = None) -> str:
    """Removes control characters, joins lines, and cuts the text after `length` characters."""
    line = " ".join(printable(text).split())
    return line if length is None or len(line) <= length else f"{line[: length - 1]}…"


def json_text(document: Mapping[str, Any], default: Callable[[object], Any] | None = None) -> str:
    """Returns a document as JSON in readable Unicode, with control characters as escapes."""
    text = json.dumps(document, indent=2, ensure_ascii=False, default=default)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class SafeConsole(Console):
    """The console of all output: it prints no control characters but its own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Renders to segments; texts lose their control characters, rich's own controls stay."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else printable(segment.text)
            yield segment if text == segment.text else Segment(text, segment.style)
