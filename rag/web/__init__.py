"""Public addresses and feeds to documents."""
