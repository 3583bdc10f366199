"""One trial from its configuration to its record, and the adapter that Ray runs."""
