"""Run ``georetrieve`` in a process of its own that knows the small encoder of ``trained_dual``.

python with_captioned_encoder.py WEIGHTS app INDEX ...
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import open_clip
from trained_dual import ARCH, TAG

from georetrieve.cli.app import app

weights = Path(sys.argv[1])
os.environ["GEORETRIEVE_WEIGHTS"] = str(weights)
open_clip.add_model_config(weights / f"{ARCH}.json")
open_clip.pretrained._PRETRAINED[ARCH] = {
    TAG: open_clip.pretrained._pcfg(hf_hub=f"georetrieve/{ARCH}/")
}
app(sys.argv[2:])
