"""Tiny hand-written answers in the vendors' true shapes, and a loopback server that gives them."""
