"""What each vendor records of the same people's events, by that vendor's own documented rules."""
