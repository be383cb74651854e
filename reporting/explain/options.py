"""What is wrong with an option that a user gave."""

from __future__ import annotations


class InvalidOption(ValueError):
    """An option of the command line that cannot be meant. `option` is its name."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option
