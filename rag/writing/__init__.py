"""A model's answer, each sentence checked before it is shown."""
