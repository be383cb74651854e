"""Load reports that users download from the vendors' interfaces, as an alternative to the APIs."""
