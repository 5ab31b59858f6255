"""The documentation says what the program does."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from georetrieve.cli.app import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))


def commands(command, words=("georetrieve",)):
    """Every leaf of the command tree with the words that call it."""
    children = getattr(command, "commands", None)
    if not children:
        return [(words, command)]
    return [leaf for name, child in children.items() for leaf in commands(child, (*words, name))]


LEAVES = dict(commands(get_command(app)))


def readme_commands():
    """Every command line in the README's code blocks, and the words of the command it calls."""
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("georetrieve ")]


def test_every_command_has_help_and_is_in_the_commands_page():
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    for words, command in LEAVES.items():
        assert command.help, words
        assert f"`{' '.join(words)}`" in page


def test_the_commands_page_is_what_the_program_says():
    made = subprocess.run(
        f"{sys.executable} -m typer georetrieve.cli.app utils docs --name georetrieve "
        "--title Commands".split(),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    assert page.strip() == made.strip(), "run: make docs"


@pytest.mark.parametrize("words", readme_commands(), ids=" ".join)
def test_commands_in_the_readme_exist_with_their_options(words):
    leaf = max((known for known in LEAVES if tuple(words[: len(known)]) == known), key=len)
    options = {name for one in LEAVES[leaf].params for name in one.opts}
    for word in words[len(leaf) :]:
        if re.match(r"--\w|-\w$", word):
            assert word in options, word


def test_every_top_level_command_is_in_the_readme():
    for words in LEAVES:
        assert " ".join(words[:2]) in README, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
