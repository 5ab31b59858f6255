"""Fitting encoders: a command of the package makes what the package ships."""
