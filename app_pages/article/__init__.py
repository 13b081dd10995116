"""An article with what was quoted of it."""
