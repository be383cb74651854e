"""What really happened to every unit: for whoever checks the warehouse; the warehouse never sees it.

Computed from the world's events and the vendors' counting of them. Of the warehouse it knows the contract's
words alone: reason codes and their order (docs/contract.md).
"""

from sandbox.truth.bridge import Truth

__all__ = ["Truth"]
