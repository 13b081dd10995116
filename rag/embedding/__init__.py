"""Text to vectors, here or at an endpoint."""
