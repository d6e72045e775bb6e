"""Data: reading, checking, repairing and splitting labelled texts."""

from labkit._places import cache_dir
from labkit.data._balance import balance, class_weights
from labkit.data._check import check
from labkit.data._clean import REPAIRS, clean
from labkit.data._corpus import Corpus, DataConfig, Step
from labkit.data._load import load
from labkit.data._read import read
from labkit.data._report import DataReport, Finding, Lengths
from labkit.data._samples import defects, sample, sample_path, samples
from labkit.data._split import split
from labkit.data._texts import normalise

__all__ = [
    "REPAIRS",
    "Corpus",
    "DataConfig",
    "DataReport",
    "Finding",
    "Lengths",
    "Step",
    "balance",
    "cache_dir",
    "check",
    "class_weights",
    "clean",
    "defects",
    "load",
    "normalise",
    "read",
    "sample",
    "sample_path",
    "samples",
    "split",
]
