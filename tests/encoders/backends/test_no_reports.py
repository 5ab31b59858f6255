"""Nothing is reported to anybody."""

import subprocess
import sys

import pytest

WATCHED = """
import os, socket
os.register_at_fork(before=lambda: print("forked"))
connect = socket.socket.connect
socket.socket.connect = lambda self, address: print("connected", address)
import georetrieve.encoders.backends.openvino
import openvino.tools.ovc.telemetry_utils as used
print(used.tm.__name__)
"""


def test_openvino_reports_nothing():
    pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WATCHED], capture_output=True, text=True, check=True
    )
    assert made.stdout.split() == ["openvino.tools.ovc.telemetry_stub"]
