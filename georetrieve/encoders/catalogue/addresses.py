"""Where a source of the catalogue is on the network, and whether the network may be used."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from georetrieve.errors import EncoderError

__all__ = ["Address", "address_of", "hub_token", "offline_by", "trusted_with_token"]

HUB = "https://huggingface.co"
OFFLINE = ("GEORETRIEVE_OFFLINE", "HF_HUB_OFFLINE")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A file on the network.

    Attributes:
        source: As the catalogue has it.
        url: What is asked for.
        repo: Repository on the hub, "" elsewhere.
        revision: Branch or commit of that repository, "" elsewhere.
    """

    source: str
    url: str
    repo: str = ""
    revision: str = ""

    @property
    def host(self) -> str:
        """Name of the server."""
        return urlsplit(self.url).netloc


def address_of(source: str, *, revision: str = "") -> Address:
    """Find a source of the catalogue on the network; ``HF_ENDPOINT`` names a mirror of the hub.

    Args:
        source: ``https://…`` or ``hub:OWNER/REPO@REVISION/PATH``.
        revision: Commit to take in place of the source's revision.

    Raises:
        EncoderError: The source is of neither form.
    """
    if match := re.fullmatch(r"hub:([^@]+)@([^/]+)/(.+)", source):
        repo, revision, path = match[1], revision or match[2], match[3]
        hub = os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUB
        url = f"{hub}/{quote(repo)}/resolve/{quote(revision, safe='')}/{quote(path)}"
        return Address(source=source, url=url, repo=repo, revision=revision)
    if source.startswith("https://") or urlsplit(source).hostname in LOOPBACK:
        return Address(source=source, url=source)
    raise EncoderError(f"{source!r} is no source of weights: https://… or hub:OWNER/REPO@REV/PATH.")


def hub_token() -> str | None:
    """The user's token for the Hugging Face hub, as ``hf auth login`` or ``HF_TOKEN`` left it."""
    from huggingface_hub import get_token

    return get_token()


def offline_by() -> str | None:
    """The environment variable that forbids the network; None where none does."""
    return next(
        (
            name
            for name in OFFLINE
            if os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}
        ),
        None,
    )


def trusted_with_token(url: str) -> bool:
    """Whether a token may travel to a URL: nobody on the way can read it."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK
