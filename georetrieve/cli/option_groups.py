"""Options that several commands share, a dataclass each: one field an option."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints

__all__ = ["with_groups"]


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take groups of options.

    Of a parameter whose type is a dataclass, Typer is shown the fields, in its place; the command
    is given the dataclass. A field is annotated as the parameter of a command would be, and what it
    has as default is the option's.

    Args:
        command: Whose parameters are told apart by name; those behind a group are keyword-only.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {
        name: hint for name, hint in hints.items() if is_dataclass(hint) and isinstance(hint, type)
    }

    @functools.wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401 - whatever the options hold
        for name, group in groups.items():
            given[name] = group(**{one.name: given.pop(one.name) for one in fields(group)})
        command(**given)

    shown = [
        option
        for parameter in signature(command).parameters.values()
        for option in (
            _options(groups[parameter.name])
            if parameter.name in groups
            else [parameter.replace(annotation=hints[parameter.name])]
        )
    ]
    keywords = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in shown]
    run.__signature__ = Signature(keywords)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in keywords}
    return run


def _options(group: type[Any]) -> Iterator[Parameter]:
    """The fields of a group as parameters."""
    hints = get_type_hints(group, include_extras=True)
    for one in fields(group):
        default = Parameter.empty if one.default is MISSING else one.default
        yield Parameter(
            one.name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[one.name]
        )
