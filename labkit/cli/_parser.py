"""The command line: its commands and their options."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import labkit
from labkit.cli import _data, _models, _runs, _techniques, _tours, _training
from labkit.cli._options import TASK

_EPILOG = {
    "tour": "Takes about two minutes on two cores and needs no network.",
    "check": "examples:\n  labkit check messages.csv\n  labkit check train.jsonl --test test.jsonl --label intent",
    "train": """examples:
  labkit train messages.csv
  labkit train train.jsonl --test test.jsonl --model minilm --set budget.epochs=8
  labkit train train.conll --test test.conll --task token-classification
  labkit train reviews.csv --text review --label stars --set seed=1 --out runs/reviews
  labkit train pairs.csv --text question1 --text-pair question2 --label similarity --scores
  labkit train --recipe runs/reviews/recipe.toml --out runs/again
  labkit train --resume runs/reviews
Every setting that --set takes stands, explained, in the recipe.toml of any run directory.""",
    "compare": """examples:
  labkit compare messages.csv --each technique.trainable=all,head,lora --seeds 3 --out comparisons/what
  labkit compare a.toml b.toml --out comparisons/ab
The runs lie in the folder of --out; called again, it goes on where it was interrupted.""",
    "cross-validate": """examples:
  labkit cross-validate messages.csv --folds 5 --out folds
  labkit cross-validate runs/reviews/recipe.toml --folds 10 --repeats 3 --out folds""",
    "search": """examples:
  labkit search messages.csv --trials 20 --out search
  labkit search messages.csv --set technique.trainable=lora --space "optimizer.learning_rate=1e-4..1e-2 log" \\
      --space adapter.rank=4,8,16 --out search
Called again, it goes on where it was interrupted. Then: labkit train --recipe search/best.toml""",
    "labels": """examples:
  labkit labels messages.csv
  labkit labels ana.labels.jsonl ben.labels.jsonl --merge messages.csv.labels.jsonl
  labkit train messages.csv --labels messages.csv.labels.jsonl""",
    "evaluate": "examples:\n  labkit evaluate runs/reviews\n  labkit evaluate runs/reviews new_labelled.csv --json",
    "predict": """examples:
  labkit predict runs/reviews new.csv --out predictions.csv
  labkit predict runs/reviews new.jsonl""",
    "models": """examples:
  labkit models --task text-classification
  labkit models roberta-base
  labkit models --for messages.csv""",
}


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="labkit",
        description="Fine-tune language models on your own texts, with honest numbers.",
        epilog="Begin with: labkit tour",
    )
    parser.add_argument("--version", action="version", version=f"labkit {labkit.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str, *, as_json: bool = True
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=_EPILOG.get(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(run=run)
        if as_json:
            sub.add_argument("--json", action="store_true", help="answer in JSON")
        return sub

    tour = command(
        "tour", _tours.tour, "Run a tutorial on sample data: the quick start goes from raw texts to an evaluated model."
    )
    tour.add_argument("name", nargs="?", default="00_quickstart", help="which one (default: 00_quickstart)")
    tour.add_argument("--out", metavar="DIR", help="where its files go (default: a new folder below labkit-tour/)")

    command("lab", _tours.lab, "Open JupyterLab on the tutorials; further arguments go to jupyter lab.", as_json=False)

    models = command("models", _models.models, "List the base models, or show one, or rank them for your data.")
    models.add_argument("name", nargs="?", help="show this model's card")
    models.add_argument("--task", metavar="ID", default=None, help="only models for this task")
    models.add_argument("--for", dest="data", metavar="DATA", help="rank the models for this data on this machine")
    models.add_argument(
        "--minutes", type=float, default=15, help="with --for: minutes that training may take (default: 15)"
    )
    models.add_argument(
        "--language", default="en", metavar="ISO", help="with --for: language of the texts (default: en)"
    )
    models.add_argument("--offline", action="store_true", help="only models that need no download")

    check = command("check", _data.check, "Look for trouble in labelled texts, and name the repairs.")
    _data_arguments(check, required=True)
    check.add_argument(
        "--model", default="minilm", metavar="NAME", help="whose tokenizer measures the texts (default: minilm)"
    )
    _labels_argument(check)
    check.add_argument("--task", metavar="ID", default=TASK, help=f"what the data is for (default: {TASK})")

    labels = command("labels", _data.labels, "Sum up label journals: people, speed, agreement; or merge them.")
    labels.add_argument("files", metavar="FILE", nargs="+", help="label journal, or the data file that it lies beside")
    labels.add_argument("--merge", metavar="OUT", help="write one journal with the decisions of all")

    train = command(
        "train", _training.train, "Fine-tune a model on labelled texts, and evaluate it beside the baselines."
    )
    _data_arguments(train, required=False)
    _labels_argument(train)
    train.add_argument(
        "--task", metavar="ID", help=f"task id (default: {TASK}); labkit models --task ID shows what can do it"
    )
    train.add_argument("--model", metavar="NAME", help="base model: minilm, a catalogue name, a hub id, or a folder")
    train.add_argument("--recipe", metavar="FILE", help="start from this recipe file")
    train.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="section.field=value",
        help="any setting of the recipe; may be repeated",
    )
    train.add_argument("--out", metavar="DIR", help="run directory (default: a new one below runs/)")
    train.add_argument("--resume", metavar="RUN", help="go on with a stopped, failed or killed run")
    train.add_argument("--detach", action="store_true", help="train in a process of its own and return at once")

    compare = command(
        "compare", _training.compare, "Train several recipes with several seeds on the same splits, side by side."
    )
    compare.add_argument(
        "what", metavar="RECIPE|DATA", nargs="+", help="recipe files; or one file of data, with --each"
    )
    compare.add_argument(
        "--each",
        metavar="section.field=a,b,…",
        help="compare these values of a setting, on one recipe or the default one",
    )
    compare.add_argument("--task", metavar="ID", help=f"task id, where DATA is given (default: {TASK})")
    compare.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="section.field=value",
        help="any setting of all of them; may be repeated",
    )
    compare.add_argument("--seeds", type=int, default=3, help="how many, from 0 on (default: 3)")
    compare.add_argument("--out", metavar="DIR", required=True, help="folder for the runs and comparison.json")

    fold = command(
        "cross-validate", _training.cross_validate, "Train on all folds but one and judge on that, for each fold."
    )
    _recipe_arguments(fold)
    fold.add_argument("--folds", type=int, default=5, help="how many (default: 5)")
    fold.add_argument("--repeats", type=int, default=1, help="how often all rows are dealt anew (default: 1)")
    fold.add_argument("--out", metavar="DIR", required=True, help="folder for the runs and out_of_fold.parquet")

    search = command("search", _training.search, "Look for the hyperparameters with the best validation score.")
    _recipe_arguments(search)
    search.add_argument(
        "--space",
        action="append",
        default=[],
        metavar="section.field=VALUES",
        help="low..high, low..high log, or a,b,…; may be repeated (default: what is usual for the technique)",
    )
    search.add_argument("--trials", type=int, default=20, help="how many in all (default: 20)")
    search.add_argument("--workers", type=int, default=1, help="processes that share the cores (default: 1)")
    search.add_argument("--no-prune", action="store_true", help="do not give up trials early")
    search.add_argument("--out", metavar="DIR", required=True, help="folder for the trials and best.toml")

    rate = command("rate", _techniques.rate, "Find a learning rate: a short training in which it rises.")
    _recipe_arguments(rate)
    rate.add_argument("--steps", type=int, default=100, help="of the training (default: 100)")

    adapt = command("adapt", _techniques.adapt, "Go on training a base model on raw text of a domain.")
    adapt.add_argument("data", metavar="TEXTS", help="raw text: .txt, a folder of them, JSON lines …")
    adapt.add_argument("--model", default="minilm", metavar="NAME", help="base model (default: minilm)")
    adapt.add_argument(
        "--method",
        default="masked",
        choices=("masked", "causal", "simcse", "tsdae"),
        help="masked or causal language modelling, or an objective for sentence encoders (default: masked)",
    )
    adapt.add_argument("--general", metavar="TEXTS", help="text of other domains, to see what is forgotten")
    adapt.add_argument("--epochs", type=float, default=3.0, help="passes over the text (default: 3)")
    adapt.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="section.field=value",
        help="any setting, for masked and causal; may be repeated",
    )
    adapt.add_argument("--out", metavar="DIR", required=True, help="folder for the model and adaptation.json")

    forget = command("forgetting", _techniques.forgetting, "Measure what a fine-tuned model has forgotten.")
    forget.add_argument("directory", metavar="RUN", help="run directory")
    forget.add_argument("--general", metavar="TEXTS", help="raw text: its perplexity before and after")
    forget.add_argument(
        "--language-model",
        default="",
        metavar="NAME",
        help="the base model with a language-model head (default: itself)",
    )
    forget.add_argument("--probe", metavar="DATA", help="data of an earlier task: a linear probe before and after")
    forget.add_argument("--text", metavar="COL", help="column of the probe's data with the text (default: found)")
    forget.add_argument("--label", metavar="COL", help="column of the probe's data with the label (default: found)")
    forget.add_argument(
        "--no-scores", action="store_true", help="the numbers of the probe's label column are classes (default: found)"
    )

    merge = command("merge", _techniques.merge, "Merge the lone adapter of a run into its base: a plain model folder.")
    merge.add_argument("directory", metavar="RUN", help="run directory, trained with adapter.merge = false")
    merge.add_argument("--out", metavar="FOLDER", required=True, help="new folder for the model and its tokenizer")

    zero = command("zero-shot", _techniques.zero_shot, "Tell classes apart by their descriptions, without training.")
    zero.add_argument("data", metavar="DATA", help="file of texts; true labels are used to judge only")
    zero.add_argument("--labels", metavar="a,b,…", help="the classes (default: those of the data)")
    zero.add_argument("--describe", metavar="FILE", help="JSON: class to description, or to a list of them")
    zero.add_argument("--text", metavar="COL", help="column with the text (default: found)")
    zero.add_argument("--text-pair", help=argparse.SUPPRESS)  # it reads single texts, and says so
    zero.add_argument("--label", metavar="COL", help="column with the label (default: found)")
    zero.add_argument("--model", default="minilm", metavar="NAME", help="model that tells (default: minilm)")
    zero.add_argument(
        "--method",
        default="auto",
        choices=("auto", "embedding", "entailment", "likelihood"),
        help="how (default: what the model can do)",
    )
    zero.add_argument("--template", default="", metavar="TEXT", help="with {} where the description goes")
    zero.add_argument("--out", metavar="FILE", help="write the predictions to this .parquet file")

    augment = command("augment", _techniques.augment, "Show rows beside what augmentation makes of them.")
    augment.add_argument("data", metavar="DATA", help="labelled data")
    augment.add_argument("--task", metavar="ID", default=TASK, help=f"what the data is for (default: {TASK})")
    augment.add_argument("--text", metavar="COL", help="column with the text (default: found)")
    augment.add_argument("--label", metavar="COL", help="column with the label (default: found)")
    augment.add_argument(
        "--method",
        action="append",
        metavar="NAME",
        help="typos, delete, swap, substitute, back_translate; may be repeated",
    )
    augment.add_argument("--share", type=float, default=0.1, help="share of the words that change (default: 0.1)")
    augment.add_argument("--rows", type=int, default=5, help="how many of each method (default: 5)")
    augment.add_argument("--seed", type=int, default=0, help="of the changes (default: 0)")
    augment.add_argument("--model", default="", metavar="NAME", help="masked language model for substitute")
    augment.add_argument(
        "--translators", nargs=2, default=[], metavar=("THERE", "BACK"), help="translation runs for back_translate"
    )

    evaluate = command("evaluate", _runs.evaluate, "Show a run's evaluation, or evaluate it on other labelled data.")
    evaluate.add_argument("directory", metavar="RUN", help="run directory")
    evaluate.add_argument("data", metavar="DATA", nargs="?", help="labelled texts the model has not seen")
    evaluate.add_argument("--text", metavar="COL", help="column of DATA with the text (default: as in the run)")
    evaluate.add_argument(
        "--text-pair", metavar="COL", help="column of DATA with the second text (default: as in the run)"
    )
    evaluate.add_argument(
        "--label", metavar="COL", help="column of DATA with the label (default: as in the run, or found)"
    )
    _labels_argument(evaluate)

    predict = command("predict", _runs.predict, "Label texts with a fine-tuned model.", as_json=False)
    predict.add_argument("directory", metavar="RUN", help="run directory")
    predict.add_argument("data", metavar="DATA", help="file of texts, labels not needed")
    predict.add_argument("--text", metavar="COL", help="column with the text (default: as in the run)")
    predict.add_argument("--text-pair", metavar="COL", help="column with the second text (default: as in the run)")
    predict.add_argument("--out", metavar="FILE", help=".csv, .jsonl or .parquet (default: CSV on standard output)")

    listing = command("runs", _runs.runs, "List runs, or stop one.")
    listing.add_argument("folder", nargs="?", default="runs", help="folder with run directories (default: runs)")
    listing.add_argument("--stop", metavar="RUN", help="ask this run to save and stop")

    command("doctor", _tours.doctor, "Say what works on this machine, and what to do about the rest.")
    return parser


def _recipe_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="RECIPE|DATA", help="a recipe file, or data for the default recipe")
    parser.add_argument("--task", metavar="ID", help=f"task id, where DATA is given (default: {TASK})")
    parser.add_argument(
        "--set", action="append", default=[], metavar="section.field=value", help="any setting; may be repeated"
    )


def _labels_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--labels",
        action="append",
        default=[],
        metavar="FILE",
        help="label journal whose decisions go over the data's own labels; may be repeated",
    )


def _data_arguments(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs=None if required else "?",
        help="CSV, TSV, JSON, JSON lines, Parquet, a folder or a hub id",
    )
    parser.add_argument("--test", metavar="FILE", help="test data; without it a part is set aside")
    parser.add_argument("--validation", metavar="FILE", help="validation data; without it a part is set aside")
    parser.add_argument("--text", metavar="COL", help="column with the text (default: found)")
    parser.add_argument(
        "--text-pair", metavar="COL", help="column with the second text of a pair, or the context of a question"
    )
    parser.add_argument(
        "--label", metavar="COL", help="column with the label, or several, with commas, for one column per label"
    )
    parser.add_argument(
        "--scores",
        action=argparse.BooleanOptionalAction,
        help="the label is a number to come close to, such as a similarity; or no, it is a class (default: found)",
    )
    parser.add_argument("--encoding", metavar="NAME", help="encoding of the files (default: found)")
    parser.add_argument(
        "--delimiter",
        metavar="MARK",
        type=lambda mark: {"\\t": "\t", "tab": "\t"}.get(mark, mark),
        help="field delimiter of CSV files, tab for a tab (default: found)",
    )
