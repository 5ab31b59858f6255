"""How well methods map images of which the truth is known."""
