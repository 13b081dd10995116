"""The articles, and adding to them."""
