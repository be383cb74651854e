"""What really happened to every unit: told to whoever checks the warehouse, never to the warehouse.

Computed from the world's events and the vendors' counting of them. Of the warehouse it knows the contract's
words alone: reason codes and their order (docs/contract.md).
"""

from sandbox.truth.bridge import Truth

__all__ = ["Truth"]
