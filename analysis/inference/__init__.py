"""Statistics of comparisons: arrays in, numbers out; no records, tables or text of the report."""
