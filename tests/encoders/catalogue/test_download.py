import errno
import hashlib
import threading
from types import SimpleNamespace

import pytest
from weight_server import COMMIT, entry, tree

from georetrieve.encoders.catalogue import download
from georetrieve.encoders.catalogue.entry import RemoteFile
from georetrieve.errors import EncoderError

WEIGHTS = bytes(range(256)) * 16
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


class Told:
    """What a progress bar was told."""

    def __init__(self):
        self.lines = []

    def start(self, stage, total, unit="items"):
        self.lines.append((stage, total, unit))

    def advance(self, steps=1):
        self.lines.append(steps)

    def say(self, message):
        self.lines.append(message)

    def finish(self):
        self.lines.append("end")


def refusal(kept, *args, **kwargs):
    with pytest.raises(EncoderError) as caught:
        kept.pull(entry(*args, **kwargs))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_arrives_is_written_down(server, kept):
    url = server.publish("/w.pth", WEIGHTS)
    some = entry(url)
    assert kept.find(some) is None
    local = kept.obtain(some)
    assert local.path.read_bytes() == WEIGHTS
    assert (local.sha256, local.source, local.revision) == (SHA256, url, "")
    assert local.files == {"weights.pth": kept.root / "some-vit" / "weights.pth"}
    facts = kept.ledger("some-vit").files["weights.pth"]
    assert (facts.sha256, facts.size, facts.url) == (SHA256, 4096, url)
    assert sorted(tree(kept.root)) == ["some-vit/weights.json", "some-vit/weights.pth"]
    assert kept.obtain(some) == local == kept.find(some)
    assert kept.find_sha256(SHA256) == local
    assert len(server.asked) == 1


def test_a_broken_connection_goes_on_where_it_broke(server, kept):
    url = server.publish("/w.pth", WEIGHTS, drops=[1000, 2000])
    assert kept.pull(entry(url, sha256=SHA256)).path.read_bytes() == WEIGHTS
    assert [asked.headers.get("Range") for asked in server.asked] == [
        None,
        "bytes=1000-",
        "bytes=3000-",
    ]


def test_what_is_broken_off_is_kept_for_the_next_run_and_never_taken_for_whole(server, kept):
    some = entry(server.publish("/w.pth", WEIGHTS, drops=[1000, 0, 0, 0]))
    with pytest.raises(EncoderError, match=r"broke 3 times\. 0\.0 MB are kept; the same command"):
        kept.pull(some)
    assert sorted(tree(kept.root)) == [
        "some-vit/weights.pth.part",
        "some-vit/weights.pth.part.json",
    ]
    assert kept.find(some) is None
    server.asked.clear()
    assert kept.pull(some).path.read_bytes() == WEIGHTS
    assert server.asked[0].headers["Range"] == "bytes=1000-"
    assert sorted(tree(kept.root)) == ["some-vit/weights.json", "some-vit/weights.pth"]


@pytest.mark.parametrize(
    "habits",
    [
        {"etag": '"two"'},  # the file has changed
        {"ranges": False},  # the server sends it whole
        {"etag": "", "modified": True},
    ],
)
def test_parts_of_different_files_are_not_spliced(server, kept, habits):
    some = entry(server.publish("/w.pth", b"older" * 1000, drops=[1000, 0, 0, 0]))
    with pytest.raises(EncoderError):
        kept.pull(some)
    server.publish("/w.pth", WEIGHTS, **habits)
    assert kept.pull(some).path.read_bytes() == WEIGHTS


def test_without_anything_to_tell_contents_apart_it_starts_over(server, kept):
    some = entry(server.publish("/w.pth", WEIGHTS, etag="", drops=[1000]))
    assert kept.pull(some).path.read_bytes() == WEIGHTS
    assert [asked.headers.get("Range") for asked in server.asked] == [None, None]


def test_a_modification_time_does_where_the_tag_is_weak(server, kept):
    some = entry(server.publish("/w.pth", WEIGHTS, etag='W/"1"', modified=True, drops=[1000]))
    assert kept.pull(some).path.read_bytes() == WEIGHTS
    assert server.asked[1].headers["Range"] == "bytes=1000-"


def test_all_was_there_but_nobody_said_so(server, kept, monkeypatch):
    """Killed between the last byte and the ledger."""
    some = entry(server.publish("/w.pth", WEIGHTS))

    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(download, "_check", killed)
        with pytest.raises(KeyboardInterrupt):
            kept.pull(some)
    assert kept.find(some) is None
    assert kept.pull(some).sha256 == SHA256
    assert server.asked[1].headers["Range"] == "bytes=4096-"


@pytest.mark.parametrize("pinned", ["0" * 64, "00000000"])
def test_a_wrong_digest_is_refused_and_removed(server, kept, pinned):
    said = refusal(kept, server.publish("/w.pth", WEIGHTS), sha256=pinned)
    assert f"SHA-256 {SHA256[:12]}…, and the catalogue says {pinned[:12]}…" in said
    assert tree(kept.root) == {}
    assert not (kept.root / "some-vit").exists()


def test_the_first_digits_of_a_digest_are_enough(server, kept):
    assert kept.pull(entry(server.publish("/w.pth", WEIGHTS), sha256=SHA256[:8])).sha256 == SHA256


def test_sources_are_tried_in_their_order(server, kept):
    first, second = server.url + "/gone.pth", server.publish("/w.pth", WEIGHTS)
    assert kept.pull(entry(first, second)).source == second


def test_every_source_that_failed_is_named(server, kept):
    server.publish("/full.pth", status=503)
    said = refusal(kept, server.url + "/gone.pth", server.url + "/full.pth")
    assert "there is no" in said
    assert "/gone.pth (404 Not Found); " in said
    assert "answers 503 Service Unavailable" in said
    assert said.endswith("Try again later.")


def test_no_network_says_how_to_go_without(server, kept):
    server.server_close()
    said = refusal(kept, server.url + "/w.pth")
    assert "cannot be reached" in said
    assert said.endswith(
        "On a machine with network: georetrieve encoders pull some-vit; georetrieve encoders "
        "export some-vit stick/; then here: georetrieve encoders import stick/"
    )
    assert tree(kept.root) == {}


@pytest.mark.parametrize("variable", ["GEORETRIEVE_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_means_that_nobody_is_asked(server, kept, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    said = refusal(kept, server.publish("/w.pth", WEIGHTS))
    assert f"{variable} forbids downloads. On a machine with network" in said
    assert server.asked == []
    assert not kept.root.exists()


def test_a_page_of_a_firewall_is_no_file(server, kept):
    said = refusal(kept, server.publish("/w.pth", b"<html>Log in", kind="text/html; charset=x"))
    assert "answers with a web page" in said
    assert tree(kept.root) == {}


def test_an_empty_file_is_none(server, kept):
    assert "has 0 bytes" in refusal(kept, server.publish("/w.pth", b""))


def test_a_disk_without_room_is_noticed_before(server, kept, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    said = refusal(kept, server.publish("/w.pth", WEIGHTS))
    assert "0 MB left" in said
    assert "GEORETRIEVE_WEIGHTS" in said
    assert tree(kept.root) == {}


def test_a_disk_that_fills_meanwhile_is_named(server, kept, monkeypatch):
    def full(fileno):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    said = refusal(kept, server.publish("/w.pth", WEIGHTS))
    assert "cannot be written (No space left on device). Make room" in said
    assert kept.ledger("some-vit") is None


def test_the_hub_says_commit_and_digest_on_the_way(server, make_server, kept, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    store = make_server()
    store.publish("/blob", WEIGHTS)
    said = {"X-Repo-Commit": COMMIT, "X-Linked-Etag": f'"{SHA256}"'}
    server.publish("/an/enc/resolve/main/w.pth", moved=store.url + "/blob", headers=said)
    server.publish(f"/an/enc/resolve/{COMMIT}/config.json", b"{}")
    config = RemoteFile(name="config.json", sources=("hub:an/enc@main/config.json",))
    local = kept.pull(entry("hub:an/enc@main/w.pth", further=(config,)))
    assert local.revision == COMMIT
    assert local.source == "hub:an/enc@main/w.pth"
    # The second file is of the commit of the first.
    assert [asked.path for asked in server.asked][-1] == f"/an/enc/resolve/{COMMIT}/config.json"
    lines = f"{hashlib.sha256(b'{}').hexdigest()}  config.json\n{SHA256}  weights.pth\n"
    assert local.sha256 == hashlib.sha256(lines.encode()).hexdigest()


def test_a_digest_that_the_hub_contradicts_is_refused(server, kept, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    said = {"X-Linked-Etag": f'"{"0" * 64}"'}
    server.publish("/an/enc/resolve/main/w.pth", WEIGHTS, headers=said)
    assert "and the hub says 000000000000…" in refusal(kept, "hub:an/enc@main/w.pth")


GATED = {
    "gated": True,
    "licence": "Some License",
    "licence_url": "https://example.org/licence",
    "page": "https://example.org/page",
}


@pytest.fixture
def gated(server, make_server, monkeypatch):
    """An encoder behind a licence on a hub whose files lie on another server."""
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    store = make_server()
    server.publish("/old/enc/resolve/main/w.pth", moved="/an/enc/resolve/main/w.pth", needs="me")
    server.publish("/an/enc/resolve/main/w.pth", moved=store.url + "/blob", needs="me")
    store.publish("/blob", WEIGHTS)
    return entry("hub:old/enc@main/w.pth", **GATED), server, store


def test_a_licence_is_accepted_explicitly(gated, kept, monkeypatch):
    some, server, _ = gated
    monkeypatch.setenv("HF_TOKEN", "me")
    for fetch in (kept.obtain, kept.pull):
        with pytest.raises(EncoderError, match=r"Some License \(https://example\.org/licence\)"):
            fetch(some)
    assert server.asked == []
    kept.pull(some, accept_licence=True)
    assert kept.ledger("some-vit").accepted
    assert kept.obtain(some).sha256 == SHA256


def test_a_token_stays_with_its_server(gated, kept, monkeypatch):
    some, server, store = gated
    monkeypatch.setenv("HF_TOKEN", "me")
    kept.pull(some, accept_licence=True)
    assert [asked.headers.get("Authorization") for asked in server.asked] == ["Bearer me"] * 2
    assert [asked.headers.get("Authorization") for asked in store.asked] == [None]


def test_a_token_is_not_shown_to_other_servers(server, kept, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "me")
    kept.pull(entry(server.publish("/w.pth", WEIGHTS), **GATED), accept_licence=True)
    assert "Authorization" not in server.asked[0].headers


def test_a_token_is_shown_to_a_hub_that_asks_who_is_there(server, kept, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", "me")
    server.publish("/my/own/resolve/main/w.pth", WEIGHTS, needs="me")
    kept.pull(entry("hub:my/own@main/w.pth"))
    assert ["Authorization" in asked.headers for asked in server.asked] == [False, True]


def test_without_a_token_the_page_is_named(gated, kept):
    with pytest.raises(EncoderError) as caught:
        kept.pull(gated[0], accept_licence=True)
    assert "(401 Unauthorized)" in str(caught.value)
    assert "'hf auth login'. Its page: https://example.org/page" in str(caught.value)


def test_encryption_is_not_given_up_on_the_way(server, kept):
    server.publish("/w.pth", moved="ftp://example.org/w.pth")
    assert "leads to ftp://example.org" in refusal(kept, server.url + "/w.pth")


@pytest.mark.parametrize("source", ["http://example.org/w.pth", "file:///etc/passwd", "hub:x"])
def test_sources_are_encrypted(kept, source):
    assert "is no source of weights" in refusal(kept, source)


def test_what_need_not_exist_may_lack(server, kept):
    further = RemoteFile(name="extra.json", sources=(server.url + "/extra.json",), optional=True)
    some = entry(server.publish("/w.pth", WEIGHTS), further=(further,))
    local = kept.pull(some)
    assert list(local.files) == ["weights.pth"]
    assert local.sha256 == SHA256
    server.asked.clear()
    assert kept.obtain(some) == local
    assert server.asked == []


def test_a_file_that_came_to_an_entry_is_fetched_alone(server, kept):
    url = server.publish("/w.pth", WEIGHTS)
    kept.pull(entry(url))
    server.asked.clear()
    further = RemoteFile(name="config.json", sources=(server.publish("/c.json", b"{}"),))
    assert list(kept.obtain(entry(url, further=(further,))).files) == ["weights.pth", "config.json"]
    assert [asked.path for asked in server.asked] == ["/c.json"]


def test_two_at_once_download_once(server, kept):
    some = entry(server.publish("/w.pth", WEIGHTS))
    found = []
    threads = [threading.Thread(target=lambda: found.append(kept.obtain(some))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {local.sha256 for local in found} == {SHA256}
    assert len(server.asked) == 1


def test_the_bar_counts_megabytes(server, kept):
    told = Told()
    content = bytes(2_500_000)
    kept.pull(entry(server.publish("/w.pth", content, drops=[1_200_000])), progress=told)
    stages = [line for line in told.lines if isinstance(line, tuple)]
    assert stages[0] == ("some-vit: weights.pth", 3, "MB")
    last = told.lines[len(told.lines) - told.lines[::-1].index(stages[-1]) :]
    assert sum(line for line in last if isinstance(line, int)) == 3
    assert told.lines[-1] == "end"
