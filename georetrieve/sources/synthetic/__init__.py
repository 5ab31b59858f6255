"""Made-up samples with exact truth, for demonstrations, tests and benchmarks."""

from georetrieve.sources.synthetic.samples import (
    SampleSet,
    truth_folder,
    write_samples,
    write_specimen_folder,
)
from georetrieve.sources.synthetic.specimen import draw_specimen
from georetrieve.sources.synthetic.taxa import DEBRIS, TAXA
from georetrieve.sources.synthetic.truth import read_truth

__all__ = [
    "DEBRIS",
    "TAXA",
    "SampleSet",
    "draw_specimen",
    "read_truth",
    "truth_folder",
    "write_samples",
    "write_specimen_folder",
]
