"""The truth in a database, Chroma its follower, and forgetting."""
