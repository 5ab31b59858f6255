"""How the encoders of each family are found and loaded; one module a family."""
