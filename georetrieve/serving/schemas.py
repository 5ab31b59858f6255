"""What requests and answers hold; the OpenAPI page is made from these."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["EmbedAsked", "Embedded", "Found", "Health", "Problem", "SearchAsked", "TextsAsked"]

MAX_TEXTS, MAX_TEXT, MAX_K, MAX_CONDITION, MAX_ID = 256, 10_000, 1_000, 2_000, 4_096

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Name = Annotated[str, Field(min_length=1, max_length=300)]


class EmbedAsked(BaseModel):
    """What goes with an image."""

    model_config = ConfigDict(extra="forbid")

    encoder: Name | None = Field(None, description="Whose vectors; the first by default.")


class TextsAsked(EmbedAsked):
    """Texts whose vectors are wanted."""

    texts: Annotated[list[Text], Field(min_length=1, max_length=MAX_TEXTS)]


class SearchAsked(EmbedAsked):
    """What is looked for, and where. An image comes as the body; item and text as JSON."""

    item: Annotated[str, Field(min_length=1, max_length=MAX_ID)] | None = Field(
        None, description="Id of an item of the index."
    )
    text: Text | None = Field(None, description="Words, for an encoder that takes them.")
    k: Annotated[int, Field(ge=1, le=MAX_K)] = 10
    where: Annotated[str, Field(min_length=1, max_length=MAX_CONDITION)] | None = Field(
        None, description="Condition on item columns: label = 'azolla' AND depth > 2000"
    )
    exclude_group: bool = Field(False, description="Leave out the item's own slide, well, volume.")


class Embedded(BaseModel):
    """Vectors, in the order of what was sent."""

    encoder: str
    fingerprint: str
    dim: int
    vectors: list[list[float]]


class Found(BaseModel):
    """Hits, best first, as ``georetrieve search --format json`` gives them."""

    index: str
    query: str
    encoder: str
    metric: str
    remarks: list[str]
    hits: list[dict[str, Any]]


class Health(BaseModel):
    """What is served."""

    status: str
    version: str
    encoders: list[dict[str, Any]]
    index: str | None
    items: int | None


class Problem(BaseModel):
    """Why a request was refused: one line."""

    error: str
