"""Widgets: hands on the engine, in a notebook. Each is a view of files, and each click is a method that a cell can call."""

from labkit.widgets._confusion_matrix import ConfusionMatrix
from labkit.widgets._model_picker import ModelPicker
from labkit.widgets._training_launcher import TrainingLauncher
from labkit.widgets._training_monitor import TrainingMonitor
from labkit.widgets._widget import LabWidget

__all__ = ["ConfusionMatrix", "LabWidget", "ModelPicker", "TrainingLauncher", "TrainingMonitor"]
