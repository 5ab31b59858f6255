"""Groups of options: a dataclass is one option a field, in the place of its parameter."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from georetrieve.cli.option_groups import with_groups


@dataclass(frozen=True, kw_only=True)
class Size:
    width: Annotated[int, typer.Option("-w", help="Across.")]
    height: Annotated[int, typer.Option(help="Down.")] = 3


@pytest.fixture
def told():
    return []


@pytest.fixture
def app(told):
    app = typer.Typer()

    @app.command()
    @with_groups
    def draw(
        name: Annotated[str, typer.Argument()],
        *,
        size: Size,
        force: Annotated[bool, typer.Option("--force")] = False,
    ) -> None:
        """Draw it."""
        told.append((name, size, force))

    return app


def test_the_command_is_given_the_group(app, told):
    result = CliRunner().invoke(app, ["box", "-w", "4", "--force"])
    assert result.exit_code == 0, result.output
    assert told == [("box", Size(width=4, height=3), True)]


def test_options_of_a_group_have_help_and_stand_where_it_does(app):
    shown = typer.main.get_command(app).params
    assert [one.name for one in shown[:4]] == ["name", "width", "height", "force"]
    assert [one.help for one in shown[1:3]] == ["Across.", "Down."]


def test_what_has_no_default_must_be_given(app, told):
    result = CliRunner().invoke(app, ["box"])
    assert result.exit_code == 2
    assert not told
