"""Does training a GAN on the rare classes help a classifier find them? A Ray Tune study that answers."""
