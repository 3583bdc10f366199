"""How fast the training loops are, against loops as public scripts write them."""
