"""Which trials run, and where."""
