"""How a run is executed and recorded."""
