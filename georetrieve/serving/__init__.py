"""Embedding and search over HTTP, and the client for it."""

from georetrieve.serving.client import Client

__all__ = ["Client"]
