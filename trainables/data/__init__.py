"""Image data sets: loading, imbalance, splits."""
