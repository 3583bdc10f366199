"""What one trial does: data, imbalance, balancing, classifier, metrics, record."""
