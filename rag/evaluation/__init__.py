"""Measuring answers on questions with known ones."""
