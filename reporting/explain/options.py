"""Error for invalid command-line options."""

from __future__ import annotations


class InvalidOption(ValueError):
    """An invalid command-line option; `option` is its name."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option
