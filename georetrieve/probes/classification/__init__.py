"""Classes of items by their nearest labelled ones."""
