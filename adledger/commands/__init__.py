"""One module per command. Options are checked before slow modules are imported."""
