"""Widgets: hands on the engine, in a notebook. Each is a view of files, and each click is a method that a cell can call."""

from labkit.widgets._confusion_matrix import ConfusionMatrix
from labkit.widgets._data_inspector import DataInspector
from labkit.widgets._error_browser import ErrorBrowser
from labkit.widgets._lab import Lab
from labkit.widgets._labeler import Labeler
from labkit.widgets._model_picker import ModelPicker
from labkit.widgets._playground import Playground
from labkit.widgets._training_launcher import TrainingLauncher
from labkit.widgets._training_monitor import TrainingMonitor
from labkit.widgets._widget import LabWidget

__all__ = [
    "ConfusionMatrix",
    "DataInspector",
    "ErrorBrowser",
    "Lab",
    "LabWidget",
    "Labeler",
    "ModelPicker",
    "Playground",
    "TrainingLauncher",
    "TrainingMonitor",
]
