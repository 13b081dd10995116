"""What a front needs around library, assistant and conversations."""
