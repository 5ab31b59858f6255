import hashlib
import json
import os

import pytest
from weight_server import entry, tree

from georetrieve.encoders.catalogue import ledger as ledgers
from georetrieve.encoders.catalogue.entry import RemoteFile
from georetrieve.encoders.catalogue.ledger import FileFacts, Ledger, folder_name, joint_sha256
from georetrieve.encoders.catalogue.weights_folder import WeightsFolder
from georetrieve.errors import EncoderError

WEIGHTS = bytes(range(256))
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture
def some(server, kept):
    """An encoder whose weights are here."""
    some = entry(server.publish("/w.pth", WEIGHTS))
    kept.pull(some)
    server.asked.clear()
    return some


@pytest.fixture
def weights(some, kept):
    return kept.folder(some.name) / "weights.pth"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("dino-vits16", "dino-vits16"),
        ("hf:facebook/dinov2-base@main", "hf--facebook--dinov2-base--main"),
        ("open_clip:ViT-B-32/laion2b_s34b_b79k", "open_clip--ViT-B-32--laion2b_s34b_b79k"),
        ("timm:../../elsewhere", "timm--..--..--elsewhere"),
        ("..", ""),
    ],
)
def test_a_folder_is_one_plain_name(name, folder):
    assert folder_name(name) == folder


def test_where_weights_are_kept(monkeypatch, tmp_path):
    assert WeightsFolder.default().root == tmp_path / "weights"
    monkeypatch.delenv("GEORETRIEVE_WEIGHTS")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert WeightsFolder.default().root == tmp_path / "cache" / "georetrieve" / "weights"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert WeightsFolder.default().root == tmp_path / "local" / "georetrieve" / "weights"


def test_a_digest_is_taken_again_only_where_the_file_may_have_changed(
    some, weights, kept, monkeypatch
):
    read = []
    monkeypatch.setattr(ledgers, "sha256_of", lambda path, report=None: read.append(path) or SHA256)
    kept.find(some)
    assert read == []
    os.utime(weights, ns=(1, 1))
    kept.find(some)
    kept.find(some)
    assert read == [weights]


def test_a_file_that_changed_is_not_given_out(some, weights, kept):
    weights.write_bytes(WEIGHTS[::-1])
    other = hashlib.sha256(WEIGHTS[::-1]).hexdigest()
    for give in (kept.find, kept.obtain):
        with pytest.raises(EncoderError) as caught:
            give(some)
        assert str(caught.value) == (
            f"{weights} has changed since it was downloaded: its SHA-256 was {SHA256[:12]}… and is "
            f"{other[:12]}…. Fetch it again: georetrieve encoders pull some-vit"
        )
    with pytest.raises(EncoderError, match="has changed"):
        kept.find_sha256(SHA256)


def test_a_truncated_file_is_not_given_out(some, weights, kept):
    weights.write_bytes(WEIGHTS[:100])
    assert not kept.is_here(some)
    with pytest.raises(EncoderError, match="is truncated: it has 100 of its 256 bytes"):
        kept.obtain(some)


def test_pull_mends(some, weights, kept, server):
    weights.write_bytes(WEIGHTS[:100])
    assert kept.pull(some).sha256 == SHA256
    assert weights.read_bytes() == WEIGHTS
    server.asked.clear()
    kept.pull(some)
    assert server.asked == []


def test_a_file_that_is_gone_is_fetched_again(some, weights, kept):
    weights.unlink()
    assert kept.find(some) is None
    assert not kept.is_here(some)
    assert kept.obtain(some).path == weights
    assert kept.is_here(some)


def test_a_digest_that_the_catalogue_learnt_later_counts(some, kept):
    pinned = entry(*some.files[0].sources, sha256="0" * 64)
    with pytest.raises(
        EncoderError, match=r"is not the file of the catalogue: .* not 000000000000…"
    ):
        kept.find(pinned)


def test_check_takes_every_digest(some, weights, kept):
    assert [verdict.ok for verdict in kept.check("some-vit", some)] == [True]
    stat = weights.stat()
    weights.write_bytes(WEIGHTS[::-1])
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert kept.find(some) is not None  # nothing that can be seen has changed
    (verdict,) = kept.check("some-vit", some)
    assert "has changed" in verdict.reason
    weights.unlink()
    (verdict,) = kept.check("some-vit")
    assert verdict.reason.startswith(f"{weights} is gone.")


def test_weights_that_are_not_here_cannot_be_checked(some, kept):
    with pytest.raises(EncoderError, match=r"The weights of some-vot are not in .*'some-vit'\?"):
        kept.check("some-vot")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"schema": 1}',
        '{"schema": 1, "name": "some-vit", "files": {}}',
        '{"schema": 1, "name": "some-vit", "files": {"weights.pth": {"size": 1}}}',
        '{"schema": 1, "name": "some-vit", "files": {"../x": {"sha256": "", "size": 1}}}',
        '{"schema": 1, "name": "some-vit", "files": {"/etc/x": {"sha256": "", "size": 1}}}',
        '{"schema": 2}',
    ],
)
def test_a_damaged_ledger_is_named(some, kept, text):
    path = kept.folder("some-vit") / "weights.json"
    path.write_text(text)
    with pytest.raises(EncoderError, match=r"weights\.json (is damaged|was written by another)"):
        kept.find(some)
    assert kept.ledgers() == []
    with pytest.raises(EncoderError, match=r"weights\.json"):
        kept.ledgers(strict=True)


def test_two_names_do_not_share_a_folder(server, kept):
    url = server.publish("/w.pth", WEIGHTS)
    kept.pull(entry(url, name="hf:a/b"))
    with pytest.raises(EncoderError, match=r"where those of hf:a/b are"):
        kept.pull(entry(url, name="hf:a--b"))


def test_a_folder_that_cannot_be_written_to_is_named(server, kept):
    kept.root.mkdir()
    (kept.root / ".locks").write_text("")
    with pytest.raises(EncoderError, match=r"cannot be written to \(File exists\); name another"):
        kept.pull(entry(server.publish("/w.pth", WEIGHTS)))


def test_the_digest_of_several_files_names_them():
    files = {
        "b.json": FileFacts(sha256="2" * 64, size=1),
        "a.json": FileFacts(sha256="1" * 64, size=1),
    }
    lines = f"{'1' * 64}  a.json\n{'2' * 64}  b.json\n"
    assert joint_sha256(files) == hashlib.sha256(lines.encode()).hexdigest()
    assert joint_sha256({"b.json": files["b.json"]}) == "2" * 64


def test_the_ledger_is_plain_json(some, kept):
    values = json.loads((kept.folder("some-vit") / "weights.json").read_text())
    assert values["name"] == "some-vit"
    assert values["files"]["weights.pth"]["sha256"] == SHA256
    assert Ledger.read(kept.folder("some-vit")) == kept.ledger("some-vit")


def test_nothing_else_is_there(some, kept):
    assert sorted(tree(kept.root)) == ["some-vit/weights.json", "some-vit/weights.pth"]


def test_weights_of_several_files_are_found_by_their_joint_digest(server, kept):
    config = RemoteFile(name="config.json", sources=(server.publish("/c.json", b"{}"),))
    local = kept.pull(entry(server.publish("/w.pth", WEIGHTS), further=(config,)))
    assert kept.find_sha256(local.sha256) == local
    assert kept.find_sha256(SHA256) is None
