"""Vectors for many callers at once: batches, decoding beside the encoder, a cache."""

from georetrieve.embedding.service import EmbeddingService
from georetrieve.embedding.stats import ServiceStats

__all__ = ["EmbeddingService", "ServiceStats"]
