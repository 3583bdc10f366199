"""One GAN variant a file."""
