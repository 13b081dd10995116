"""Web pages, without what surrounds their article."""
