"""Task = data × split × probe × metrics; a run gives an immutable record."""
