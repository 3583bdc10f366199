"""One GAN variant in each file."""
