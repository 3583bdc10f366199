"""GAN variants as values, and the one loop that trains them."""
