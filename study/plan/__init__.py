"""Which trials a study runs, from its configuration and its records."""
