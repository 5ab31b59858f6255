"""Options are read off the end of a name, and written back in one way."""

import pytest

from georetrieve.encoders.options import (
    Options,
    canonical_name,
    index_name,
    split_name,
    with_checkpoint_key,
)
from georetrieve.errors import EncoderError


@pytest.mark.parametrize(
    ("name", "base", "options"),
    [
        ("bundled", "bundled", Options()),
        ("a,pooling=gem", "a", Options(pooling="gem")),
        ("a,layers=4,pooling=cls+mean", "a", Options(pooling="cls+mean", layers=4)),
        ("vit@my,file.pth,size=448", "vit@my,file.pth", Options(size=448)),
        ("open_clip:ViT-B-32/tag,fit=squash", "open_clip:ViT-B-32/tag", Options(fit="squash")),
        ("hf:o/r,rotations=8", "hf:o/r", Options(rotations=8)),
        ("vit@w.pth#student,size=96", "vit@w.pth#student", Options(size=96)),
    ],
)
def test_options_are_taken_off_the_end(name, base, options):
    assert split_name(name) == (base, options)
    assert split_name(base + options.suffix) == (base, options)


def test_the_suffix_has_one_order_and_no_defaults():
    assert canonical_name("a,size=0,layers=2,pooling=mean") == "a,pooling=mean,layers=2"
    assert canonical_name("a,rotations=1") == "a"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a,poling=gem", r"Unknown option 'poling'.*Did you mean 'pooling'"),
        ("a,pooling=clss", r"Unknown pooling 'clss'.*Did you mean 'cls'"),
        ("a,size=big", "size='big'.*not a whole number"),
        ("a,size=-4", "size='-4'.*not a whole number"),
        ("a,rotations=4", "Unknown rotations 4; use 1, 8"),
        ("a,layers=0", "layers=0 is too few"),
        ("a,layers=4", "layers needs a pooling"),
        ("a,size=2,size=3", "'size' twice"),
    ],
)
def test_what_is_no_option_is_refused_in_one_line(name, message):
    with pytest.raises(EncoderError, match=message) as caught:
        split_name(name)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_key_goes_between_file_and_options():
    assert with_checkpoint_key("vit@w.pth,size=96", "student") == "vit@w.pth#student,size=96"
    with pytest.raises(EncoderError, match="'scampi-vits16' is none"):
        with_checkpoint_key("scampi-vits16", "student")


@pytest.mark.parametrize(
    ("typed", "called"),
    [
        ("bundled", "bundled"),
        ("vit_small@/a/b/w.pth,size=448", "vit_small@w.pth,size=448"),
        ("vit_small@w.pth#student", "vit_small@w.pth#student"),
        ("dinov2-vits14,size=224,pooling=own", "dinov2-vits14,size=224"),
    ],
)
def test_what_an_index_calls_an_encoder(typed, called):
    assert index_name(typed) == called
