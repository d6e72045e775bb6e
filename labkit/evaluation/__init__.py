"""How good a classifier is: metrics with intervals, beside cheap baselines, by slice; from predictions alone."""

from labkit.evaluation._baselines import MAJORITY, TFIDF, baselines
from labkit.evaluation._compare import Comparison, compare, mcnemar
from labkit.evaluation._errors import errors
from labkit.evaluation._evaluate import HEADLINE, HEADLINE_MULTI_LABEL, Evaluation, evaluate
from labkit.evaluation._intervals import wilson
from labkit.evaluation._report import TITLES
from labkit.evaluation._results import Bin, ClassScores, Estimate, SliceScores
from labkit.tasks._classification_metrics import METRICS, tune_thresholds

__all__ = [
    "HEADLINE",
    "HEADLINE_MULTI_LABEL",
    "MAJORITY",
    "METRICS",
    "TFIDF",
    "TITLES",
    "Bin",
    "ClassScores",
    "Comparison",
    "Estimate",
    "Evaluation",
    "SliceScores",
    "baselines",
    "compare",
    "errors",
    "evaluate",
    "mcnemar",
    "tune_thresholds",
    "wilson",
]
