"""A question's passages, copies set apart."""
