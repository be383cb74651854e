"""Error for invalid command-line options."""

from __future__ import annotations

from reporting.text import one_line


class InvalidOption(ValueError):
    """An invalid command-line option; `option` is its name."""

    def __init__(self, option: str, message: str) -> None:
        # the message may list published names, and typer prints it
        super().__init__(one_line(message))
        self.option = option
