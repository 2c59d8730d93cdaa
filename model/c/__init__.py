"""A C function of a kernel file as one more loop: read, not run."""
