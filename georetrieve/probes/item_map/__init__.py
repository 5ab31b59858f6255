"""A map of the items of an index: a point each, near each other where their vectors are."""
