"""The company's people and what they do: causes only, no vendor's view of them."""
