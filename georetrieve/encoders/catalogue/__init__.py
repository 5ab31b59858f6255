"""The encoders that can be had by name, and their weights on this machine."""
