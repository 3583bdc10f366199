"""What the records say: tables, plots, the report."""
