"""Scores of retrieval and classification: pure functions of arrays."""
