"""How good a classifier is: metrics with intervals, beside cheap baselines, by slice; from predictions alone."""

from labkit.evaluation._answer_errors import ANSWER_ERROR_KINDS, AnswerError, AnswerErrors, answer_errors
from labkit.evaluation._compare import Comparison, compare, mcnemar
from labkit.evaluation._confusion import (
    ClassOrder,
    ConfusedPair,
    confused_pairs,
    confusion_csv,
    confusion_difference,
    order_classes,
)
from labkit.evaluation._errors import cell_rows, errors
from labkit.evaluation._evaluate import HEADLINE, HEADLINE_MULTI_LABEL, evaluate
from labkit.evaluation._evaluation import Evaluation
from labkit.evaluation._intervals import wilson
from labkit.evaluation._report import TITLES
from labkit.evaluation._results import OF_HUNDRED, UNBOUNDED, Bin, ClassScores, Estimate, SliceScores
from labkit.evaluation._slices import slice_rows
from labkit.evaluation._span_errors import ERROR_KINDS, SpanError, SpanErrors, span_errors
from labkit.evaluation._suspects import Suspect, out_of_sample, suspects, uncertain
from labkit.evaluation._text_errors import TextError, TextErrors, text_errors
from labkit.tasks._baselines import MAJORITY, TFIDF, baselines
from labkit.tasks._classification_metrics import METRICS, tune_thresholds

__all__ = [
    "ANSWER_ERROR_KINDS",
    "ERROR_KINDS",
    "HEADLINE",
    "HEADLINE_MULTI_LABEL",
    "MAJORITY",
    "METRICS",
    "OF_HUNDRED",
    "TFIDF",
    "TITLES",
    "UNBOUNDED",
    "AnswerError",
    "AnswerErrors",
    "Bin",
    "ClassOrder",
    "ClassScores",
    "Comparison",
    "ConfusedPair",
    "Estimate",
    "Evaluation",
    "SliceScores",
    "SpanError",
    "SpanErrors",
    "Suspect",
    "TextError",
    "TextErrors",
    "answer_errors",
    "baselines",
    "cell_rows",
    "compare",
    "confused_pairs",
    "confusion_csv",
    "confusion_difference",
    "errors",
    "evaluate",
    "mcnemar",
    "order_classes",
    "out_of_sample",
    "slice_rows",
    "span_errors",
    "suspects",
    "text_errors",
    "tune_thresholds",
    "uncertain",
    "wilson",
]
