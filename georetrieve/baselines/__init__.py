"""What patch-level neighbours are compared with: thresholds, clusters, random forests."""
