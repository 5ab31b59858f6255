"""georetrieve: find what looks like this in microfossil, thin-section and rock-CT images."""
