"""The classification benchmark: what neighbours, means and a linear probe call labelled items."""
