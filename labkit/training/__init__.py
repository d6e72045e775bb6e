"""Fine-tuning: recipes, runs, training here or in a process of its own, and the fine-tuned model in use."""

from labkit.training._diagnose import Diagnosis, diagnose
from labkit.training._judge import evaluate, predict_file
from labkit.training._launch import launch, relaunch
from labkit.training._predictor import Predictor
from labkit.training._recipe import (
    BudgetConfig,
    EvaluationConfig,
    GenerationConfig,
    ModelConfig,
    OptimizerConfig,
    Recipe,
    TechniqueConfig,
    field_help,
    parse_set,
)
from labkit.training._run import Run, attach, new_directory, runs
from labkit.training._train import resume, train

__all__ = [
    "BudgetConfig",
    "Diagnosis",
    "EvaluationConfig",
    "GenerationConfig",
    "ModelConfig",
    "OptimizerConfig",
    "Predictor",
    "Recipe",
    "Run",
    "TechniqueConfig",
    "attach",
    "diagnose",
    "evaluate",
    "field_help",
    "launch",
    "new_directory",
    "parse_set",
    "predict_file",
    "relaunch",
    "resume",
    "runs",
    "train",
]
