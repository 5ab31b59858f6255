"""georetrieve: find what looks like this in microfossil, thin-section and rock-CT images."""

__version__ = "0.1.0"
