"""What a way of balancing may ask of the classifier's training."""
