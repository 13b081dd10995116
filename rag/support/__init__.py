"""Whether passages bear a claim, and why not."""
