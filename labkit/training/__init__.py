"""Fine-tuning: recipes, runs, training here or in a process of its own, and the fine-tuned model in use."""

from labkit.training._adapt import Adaptation, adapt, load_adaptation
from labkit.training._augmenters import augmenters, filler, there_and_back
from labkit.training._compare import Contender, RecipeComparison, Trial, compare, compare_runs
from labkit.training._diagnose import Diagnosis, diagnose
from labkit.training._folds import CrossValidation, cross_validate
from labkit.training._forgetting import Forgetting, forgetting
from labkit.training._jobs import Job, jobs, launch_job
from labkit.training._judge import evaluate, predict_file
from labkit.training._launch import launch, relaunch
from labkit.training._merge import merge
from labkit.training._predictor import Predictor
from labkit.training._procedures import PROCEDURES, JobAnswer
from labkit.training._rates import RateFinder, find_learning_rate
from labkit.training._recipe import (
    AdapterConfig,
    BudgetConfig,
    DistillationConfig,
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
from labkit.training._search import Search, SearchTrial, search
from labkit.training._space import Range, default_space, parse_space
from labkit.training._train import resume, train, train_once
from labkit.training._zero_shot import zero_shot

__all__ = [
    "PROCEDURES",
    "Adaptation",
    "AdapterConfig",
    "BudgetConfig",
    "Contender",
    "CrossValidation",
    "Diagnosis",
    "DistillationConfig",
    "EvaluationConfig",
    "Forgetting",
    "GenerationConfig",
    "Job",
    "JobAnswer",
    "ModelConfig",
    "OptimizerConfig",
    "Predictor",
    "Range",
    "RateFinder",
    "Recipe",
    "RecipeComparison",
    "Run",
    "Search",
    "SearchTrial",
    "TechniqueConfig",
    "Trial",
    "adapt",
    "attach",
    "augmenters",
    "compare",
    "compare_runs",
    "cross_validate",
    "default_space",
    "diagnose",
    "evaluate",
    "field_help",
    "filler",
    "find_learning_rate",
    "forgetting",
    "jobs",
    "launch",
    "launch_job",
    "load_adaptation",
    "merge",
    "new_directory",
    "parse_set",
    "parse_space",
    "predict_file",
    "relaunch",
    "resume",
    "runs",
    "search",
    "there_and_back",
    "train",
    "train_once",
    "zero_shot",
]
