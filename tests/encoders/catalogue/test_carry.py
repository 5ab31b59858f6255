import hashlib
import json

import pytest
from weight_server import entry, tree

from georetrieve.encoders.catalogue.carry import export_weights, import_weights
from georetrieve.encoders.catalogue.weights_folder import WeightsFolder
from georetrieve.errors import EncoderError

WEIGHTS = {"one": b"one" * 1000, "two": b"two" * 1000}


@pytest.fixture
def entries(server, kept):
    """Two encoders whose weights are here, one under a licence that was accepted."""
    one = entry(server.publish("/1.pth", WEIGHTS["one"]), name="one")
    two = entry(server.publish("/2.pth", WEIGHTS["two"]), name="two", gated=True, licence="L")
    kept.pull(one)
    kept.pull(two, accept_licence=True)
    return one, two


@pytest.fixture
def stick(tmp_path):
    return tmp_path / "stick"


@pytest.fixture
def there(tmp_path):
    """The machine behind the firewall."""
    return WeightsFolder(tmp_path / "there")


def outcomes(carried):
    return [(one.name, one.outcome) for one in carried]


def test_there_and_nothing_else(entries, kept, stick, there, monkeypatch):
    assert outcomes(export_weights(kept, ["one", "two"], stick)) == [
        ("one", "copied"),
        ("two", "copied"),
    ]
    monkeypatch.setenv("GEORETRIEVE_OFFLINE", "1")
    assert outcomes(import_weights(there, stick, entries)) == [("one", "copied"), ("two", "copied")]
    assert sorted(tree(there.root)) == [
        "one/weights.json",
        "one/weights.pth",
        "two/weights.json",
        "two/weights.pth",
    ]
    for one in entries:
        local = there.obtain(one)
        assert local.path.read_bytes() == WEIGHTS[one.name]
        assert local.sha256 == kept.find(one).sha256
    assert there.ledger("two").accepted == kept.ledger("two").accepted


def test_a_stick_is_a_weights_folder(entries, kept, stick):
    export_weights(kept, ["one"], stick)
    assert WeightsFolder(stick).obtain(entries[0]).path.read_bytes() == WEIGHTS["one"]


def test_the_second_time_nothing_is_copied(entries, kept, stick):
    export_weights(kept, ["one"], stick)
    before = tree(stick)
    assert outcomes(export_weights(kept, ["one"], stick)) == [("one", "already there")]
    assert tree(stick) == before


def test_what_is_not_here_is_named_before_anything_is_copied(entries, kept, stick):
    with pytest.raises(EncoderError, match=r"The weights of twi are not in .*Did you mean 'two'"):
        export_weights(kept, ["one", "twi"], stick)
    assert not stick.exists()


def damage(folder, how):
    path = folder / "weights.pth"
    if how == "changed":
        path.write_bytes(WEIGHTS["one"][::-1])
    elif how == "truncated":
        path.write_bytes(WEIGHTS["one"][:100])
    elif how == "gone":
        path.unlink()
    elif how == "a link":
        path.unlink()
        path.symlink_to("/etc/passwd")
    elif how == "ledger":
        (folder / "weights.json").write_text("{")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("changed", "is damaged: its SHA-256 is"),
        ("truncated", "is truncated: it has 100 of its 3000 bytes. Copy it again."),
        ("gone", "weights.pth is gone"),
        ("a link", "is a link to elsewhere"),
        ("ledger", "weights.json is damaged"),
    ],
)
def test_what_was_damaged_on_the_way_is_refused_and_the_rest_taken(
    entries, kept, stick, there, how, said
):
    export_weights(kept, ["one", "two"], stick)
    damage(stick / "one", how)
    one, two = import_weights(there, stick, entries)
    assert (one.outcome, two.outcome) == ("refused", "copied")
    assert said in one.reason
    assert "\n" not in one.reason
    assert sorted(tree(there.root)) == ["two/weights.json", "two/weights.pth"]
    assert not (there.root / "one").exists()


def test_damaged_weights_are_not_carried_further(entries, kept, stick):
    (kept.folder("one") / "weights.pth").write_bytes(b"short")
    (carried,) = export_weights(kept, ["one"], stick)
    assert "is truncated" in carried.reason
    assert tree(stick) == {}


def test_a_stick_cannot_pass_something_off_as_an_encoder_of_the_catalogue(
    entries, kept, stick, there
):
    """Weights and ledger agree with each other, but not with the digest that is pinned here."""
    export_weights(kept, ["one"], stick)
    other = b"other" * 100
    (stick / "one" / "weights.pth").write_bytes(other)
    values = json.loads((stick / "one" / "weights.json").read_text())
    facts = values["files"]["weights.pth"]
    facts |= {"sha256": hashlib.sha256(other).hexdigest(), "size": len(other)}
    (stick / "one" / "weights.json").write_text(json.dumps(values))
    pinned = entry("https://example.org/w.pth", name="one", sha256="0" * 64)
    (carried,) = import_weights(there, stick, [pinned])
    assert "is not the file of the catalogue" in carried.reason
    assert tree(there.root) == {}


def test_a_ledger_cannot_name_files_elsewhere(entries, kept, stick, there, tmp_path):
    export_weights(kept, ["one"], stick)
    text = (stick / "one" / "weights.json").read_text()
    (stick / "one" / "weights.json").write_text(text.replace("weights.pth", "../../evil.pth"))
    (carried,) = import_weights(there, stick, entries)
    assert carried.outcome == "refused"
    assert not list(tmp_path.rglob("evil.pth"))


def test_other_weights_under_the_name_are_kept(entries, kept, server, stick, there):
    export_weights(kept, ["one"], stick)
    there.pull(entry(server.publish("/other.pth", b"other"), name="one"))
    before = tree(there.root)
    (carried,) = import_weights(there, stick, entries)
    assert "Other weights of one are in" in carried.reason
    assert tree(there.root) == before


def test_one_encoder_of_a_stick(entries, kept, stick, there):
    export_weights(kept, ["one", "two"], stick)
    assert outcomes(import_weights(there, stick / "two", entries)) == [("two", "copied")]


@pytest.mark.parametrize("made", [True, False])
def test_a_folder_without_weights_is_named(there, stick, made):
    if made:
        stick.mkdir()
    with pytest.raises(EncoderError, match="holds no weights; name the folder"):
        import_weights(there, stick)
