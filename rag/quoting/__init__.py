"""From passages to an answer of quotes, or none."""
