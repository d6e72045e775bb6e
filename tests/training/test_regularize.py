"""What keeps a fine-tuned model near what it knew does so, in figures."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from toys import toy_recipe, toy_rows, write_csv
from transformers import AutoModelForSequenceClassification
from transformers.pytorch_utils import Conv1D

from labkit.errors import RecipeError
from labkit.events import Evaluated
from labkit.models import load_model, new_weights
from labkit.tasks import Decisions, asking, divergence
from labkit.training import Predictor, Run, train
from labkit.training._regularize import Anchor, Average, Mixup, mixout
from labkit.training._trainer import LabTrainer

HEAD = "classifier"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("rows") / "toy.csv", toy_rows(90))


@pytest.fixture(scope="module")
def plain(data: Path, toy_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(asked(data, toy_model), tmp_path_factory.mktemp("plain") / "run")


def asked(data: Path, model: Path, **sections: Any) -> Any:
    return toy_recipe(data, model, optimizer={"learning_rate": 3e-3}, model={"dropout": 0.0}).with_values(**sections)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {name.removeprefix("bert."): one for name, one in load_file(folder / "model.safetensors").items()}


def way(run: Run, base: Path) -> float:
    """How far a run's body has gone from its base model."""
    before, after = weights(base), weights(run.model_folder)
    return math.sqrt(sum(float((after[name] - one).square().sum()) for name, one in before.items() if name in after))


def two_layers() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))


def classifier(folder: Path) -> Any:
    torch.manual_seed(0)
    return load_model(str(folder), AutoModelForSequenceClassification, num_labels=3)


# L2-SP


def test_the_penalty_of_l2_sp_is_the_way_gone_times_its_strength() -> None:
    model = two_layers()
    before = [one.detach().clone() for one in model.parameters()]
    anchor = Anchor(model, 0.5, frozenset({"2.weight", "2.bias"}))
    model(torch.ones(1, 4)).sum().backward()
    grads = [torch.zeros_like(one) if one.grad is None else one.grad.clone() for one in model.parameters()]
    with torch.no_grad():
        for one in model.parameters():
            one.add_(0.25)
    anchor.pull()
    for i, one in enumerate(model.parameters()):
        assert one.grad is not None
        added = 0.5 * (one.detach() - before[i]) if i < 2 else torch.zeros_like(one)
        assert torch.allclose(one.grad, grads[i] + added, atol=1e-6), "and new weights are not pulled"


def test_l2_sp_keeps_the_body_near_and_leaves_the_head_alone(
    data: Path, plain: Run, toy_model: Path, tmp_path: Path
) -> None:
    held = train(asked(data, toy_model, technique={"l2_sp": 10.0}), tmp_path / "held")
    assert way(held, toy_model) < 0.5 * way(plain, toy_model)
    start = classifier(toy_model)
    anchor = Anchor(start, 1.0, new_weights(start))
    pulled = {id(one) for one, _ in anchor.pairs}
    assert {name for name, one in start.named_parameters() if id(one) not in pulled} == new_weights(start)
    assert f"{HEAD}.weight" in new_weights(start)


# mixout


def test_mixout_puts_weights_back_while_training_only() -> None:
    model = two_layers()
    before = model[0].weight.detach().clone()
    mixout(model, 0.4, frozenset({"2.weight", "2.bias"}))
    with torch.no_grad():
        for one in model.parameters():
            one.add_(1.0)
    x = torch.eye(4)
    model.train()
    torch.manual_seed(1)
    found = torch.stack([model[0](x) - model[0].bias for _ in range(400)])  # the weights of each pass, transposed
    gone = found - before.T
    back = gone.abs() < 1e-5
    # what stays is scaled, so that the mean is the weight itself
    assert torch.allclose(gone[~back], torch.tensor(1 / 0.6), atol=1e-4)
    assert float(back.float().mean()) == pytest.approx(0.4, abs=0.03)
    assert torch.equal(model[2](x), model[2](x)), "new weights are left alone"
    model.eval()
    assert torch.allclose(model[0](x), x @ model[0].weight.T + model[0].bias)


def test_mixout_of_gpt2s_linear_maps() -> None:
    layer = Conv1D(3, 2)  # 2 in, 3 out
    with torch.no_grad():
        layer.bias.fill_(0.5)
    model = torch.nn.Sequential(layer)
    x = torch.tensor([[1.0, 2.0]])
    plain = layer(x)
    assert mixout(model, 0.9, frozenset()) == 1
    assert torch.allclose(model.eval()(x), plain)
    with torch.no_grad():
        layer.weight.add_(1.0)
    model.train()
    torch.manual_seed(0)
    assert len({tuple(model(x)[0].tolist()) for _ in range(20)}) > 1


def test_r_drop_without_dropout_is_refused(data: Path, toy_model: Path, tmp_path: Path) -> None:
    made = asked(data, toy_model, technique={"r_drop": 1.0}, budget={"epochs": 1})
    with pytest.raises(RecipeError, match="different dropout, and this model has none"):
        train(made, tmp_path / "run")
    assert train(made.with_values(model={"dropout": 0.1}), tmp_path / "dropped").status == "completed"


def test_a_model_trained_with_mixout_is_saved_as_any_other(
    data: Path, plain: Run, toy_model: Path, tmp_path: Path
) -> None:
    run = train(asked(data, toy_model, technique={"mixout": 0.7}), tmp_path / "run")
    mixed, other = weights(run.model_folder), weights(plain.model_folder)
    assert {name: one.shape for name, one in mixed.items()} == {name: one.shape for name, one in other.items()}
    layer = "encoder.layer.0.intermediate.dense.weight"
    assert not torch.equal(mixed[layer], other[layer]), "it makes a difference"
    same = torch.isclose(mixed[layer], weights(toy_model)[layer], rtol=0, atol=1e-7)
    assert float(same.float().mean()) < 0.05, "what is kept are not the weights of a step, of which 0.7 are put back"
    # plain transformers says the same as what the training was judged by
    model = AutoModelForSequenceClassification.from_pretrained(run.model_folder).eval()
    kept, texts = run.predictions("test"), {row["id"]: row["text"] for row in toy_rows(90)}
    inputs = Predictor.load(run).tokenizer([texts[one] for one in kept.row_ids], padding=True, return_tensors="pt")
    with torch.inference_mode():
        said = model(**inputs).logits.softmax(-1)
    assert torch.allclose(said.double(), torch.from_numpy(kept.probabilities), atol=1e-5)


# averaging


def test_the_average_is_an_exponential_one_with_a_warm_up(tmp_path: Path) -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    values = [0.0, 1.0, 4.0, 2.0]

    def put(value: float) -> None:
        with torch.no_grad():
            model.weight.fill_(value)

    put(values[0])
    average = Average(model, 0.2)
    mean = 0.0
    for step, value in enumerate(values[1:], 1):
        put(value)
        average.step(step)
        decay = (2 / 11, 0.2, 0.2)[step - 1]  # (1 + n) / (10 + n), as long as that is less
        mean = decay * mean + (1 - decay) * value
    assert average.mean["weight"].item() == pytest.approx(mean, rel=1e-6)
    with average.in_force():
        assert model.weight.item() == pytest.approx(mean, rel=1e-6)
    assert model.weight.item() == 2.0
    average.save(tmp_path)
    other = Average(model, 0.2)
    other.load(tmp_path)
    other.put()
    assert model.weight.item() == pytest.approx(mean, rel=1e-6)


def test_the_averaged_weights_are_judged_and_kept(
    data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a rate of averaging of 0.5, over six steps with one look at the end: recomputed from the weights of each step."""
    watched = "bert.encoder.layer.1.output.dense.weight"
    seen: list[torch.Tensor] = []
    step = Average.step

    def note(self: Average, number: int) -> None:
        if not seen:
            seen.append(self.mean[watched].clone())
        seen.append(self.now[watched].detach().clone())
        step(self, number)

    monkeypatch.setattr(Average, "step", note)
    made = asked(
        data, toy_model, technique={"averaging": 0.5}, budget={"epochs": 1}, evaluation={"metric": "log_loss"}
    ).with_values(optimizer={"learning_rate": 1e-2})
    run = train(made, tmp_path / "run")
    mean = seen[0]
    for number, now in enumerate(seen[1:], 1):
        decay = min(0.5, (1 + number) / (10 + number))
        mean = decay * mean + (1 - decay) * now
    kept = load_file(run.model_folder / "model.safetensors")[watched]
    assert torch.allclose(kept, mean, atol=1e-6) and not torch.allclose(kept, seen[-1], atol=1e-4)
    looked = [event for event in run.events() if isinstance(event, Evaluated) and event.split == "validation"]
    judged = run.evaluations["validation"].metrics["log_loss"]
    assert looked[0].metrics["log_loss"] == pytest.approx(judged, abs=1e-6), (
        "the look at the end was at the saved model"
    )


# R-Drop


class Noisy(torch.nn.Module):
    """Says one thing at the first pass, and another at the second."""

    def __init__(self, *said: list[list[float]]) -> None:
        super().__init__()
        self.said = [torch.tensor(one) for one in said]

    def forward(self, **_: Any) -> torch.Tensor:
        return self.said.pop(0)


def test_r_drop_adds_the_divergence_of_two_passes_in_both_directions() -> None:
    one, other = [[2.0, 0.0], [0.0, 1.0]], [[0.5, 0.0], [0.0, 3.0]]
    labels = torch.tensor([0, 1])

    def decide(output: torch.Tensor, target: torch.Tensor) -> Decisions:
        return Decisions(output, target)

    def measure(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(output, target)

    settings = SimpleNamespace(r_drop=3.0)
    trainer: Any = SimpleNamespace(
        ask=asking("AutoModel"), decisions=decide, decides="one", task_loss=measure, technique=settings
    )
    first = torch.tensor(one)
    loss = LabTrainer._twice(trainer, Noisy(other), {}, labels, first, measure(first, labels))
    p, q = (torch.tensor(said).softmax(-1) for said in (one, other))
    apart = ((p * (p / q).log()).sum(-1).mean() + (q * (q / p).log()).sum(-1).mean()) / 2
    plain = (measure(torch.tensor(one), labels) + measure(torch.tensor(other), labels)) / 2
    assert float(loss) == pytest.approx(float(plain + 3.0 * apart), rel=1e-5)


def test_r_drop_makes_two_passes_agree(data: Path, toy_model: Path, tmp_path: Path) -> None:
    made = asked(data, toy_model, budget={"epochs": 6}).with_values(
        model={"dropout": 0.3}, optimizer={"learning_rate": 1e-2}
    )
    runs = [train(made.with_values(technique={"r_drop": weight}), tmp_path / f"run{weight}") for weight in (0.0, 5.0)]

    def disagreement(run: Run) -> float:
        predictor = Predictor.load(run)
        model = predictor.model.train()
        inputs = predictor.tokenizer([row["text"] for row in toy_rows(30)], padding=True, return_tensors="pt")
        torch.manual_seed(0)
        with torch.no_grad():
            said = [Decisions(model(**inputs).logits, torch.zeros(30)) for _ in range(11)]
        return sum(float(divergence(one, other, "one")) for one, other in itertools.pairwise(said)) / 10

    without, with_it = (disagreement(run) for run in runs)
    assert without > 0.01 and with_it < 0.5 * without


# mixup


class Words(torch.nn.Module):
    """A model that says the mean of its word embeddings, and notes the mask it was given."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = torch.nn.Embedding(9, 3)
        self.masks: list[torch.Tensor] = []

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.table

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        self.masks.append(attention_mask)
        said: torch.Tensor = self.table(input_ids)
        return said.mean(1)


def test_mixup_mixes_embeddings_and_losses_in_the_same_shares() -> None:
    model = Words()
    mixup = Mixup(model, 0.4)
    ids = torch.tensor([[1, 2, 3], [4, 5, 0], [6, 0, 0]])
    mask, labels = (ids > 0).long(), torch.tensor([0, 1, 2])
    plain = model(ids, mask)

    def measure(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(output, target)

    torch.manual_seed(3)
    loss, output = mixup.loss(
        lambda inputs: model(**inputs), {"input_ids": ids, "attention_mask": mask}, labels, measure
    )
    torch.manual_seed(3)  # the same draws again
    partner = torch.randperm(3)
    share = float(torch.distributions.Beta(0.4, 0.4).sample())
    assert 0.001 < share < 0.999 and partner.tolist() != [0, 1, 2]
    assert torch.allclose(output, share * plain + (1 - share) * plain[partner], atol=1e-6)
    by_hand = share * measure(output, labels) + (1 - share) * measure(output, labels[partner])
    assert loss.item() == pytest.approx(by_hand.item(), rel=1e-6)
    assert torch.equal(model.masks[-1], mask | mask[partner]), "as long as the longer of the two"
    assert torch.equal(model(ids, mask), plain), "nothing is mixed outside of a training step"


def test_mixup_takes_part_in_a_training(data: Path, plain: Run, toy_model: Path, tmp_path: Path) -> None:
    run = train(asked(data, toy_model, technique={"mixup": 0.4}), tmp_path / "run")
    mixed, other = weights(run.model_folder), weights(plain.model_folder)
    assert not torch.allclose(mixed[f"{HEAD}.weight"], other[f"{HEAD}.weight"], atol=1e-4)
