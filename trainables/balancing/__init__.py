"""Ways of balancing a training set, behind one interface."""
