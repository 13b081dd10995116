"""What articles say to the one who writes the answer, and what of it is kept out."""
