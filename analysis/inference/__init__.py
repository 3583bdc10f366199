"""Statistics of comparisons: arrays in, numbers out; no record, no table and no text of the report."""
