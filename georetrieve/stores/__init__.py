"""Where vectors live and how the nearest are found."""
