"""Several GANs as one computation, and steps as CUDA graphs."""
