"""Losses against values computed by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from labkit.errors import RecipeError
from labkit.tasks import Decisions, divergence
from labkit.tasks._losses import IGNORED, loss_of, token_decisions


def plain(output: Any, target: torch.Tensor) -> Decisions:
    return Decisions(output, target)


def logits(*rows: tuple[float, ...]) -> torch.Tensor:
    """Logits whose softmax is the given probabilities."""
    return torch.tensor(rows).log() + 5


def sides(*rows: tuple[float, ...]) -> torch.Tensor:
    """Logits whose sigmoid is the given probabilities."""
    return torch.logit(torch.tensor(rows))


CLASSES = logits((0.5, 0.25, 0.25), (0.1, 0.2, 0.7))
TRUE = torch.tensor([0, 1])


def test_cross_entropy_and_label_smoothing() -> None:
    assert float(loss_of(plain, "one")(CLASSES, TRUE)) == pytest.approx(-(math.log(0.5) + math.log(0.2)) / 2)
    # of the target 0.3 is spread: 0.8 on the true class of three, 0.1 on each other
    first = -(0.8 * math.log(0.5) + 0.2 * math.log(0.25))
    second = -(0.8 * math.log(0.2) + 0.1 * math.log(0.1) + 0.1 * math.log(0.7))
    smooth = loss_of(plain, "one", label_smoothing=0.3)(CLASSES, TRUE)
    assert float(smooth) == pytest.approx((first + second) / 2, rel=1e-5)
    said, target = sides((0.9, 0.2)), torch.tensor([[1.0, 0.0]])
    assert float(loss_of(plain, "each")(said, target)) == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2, rel=1e-5)
    parts = [0.9 * math.log(0.9) + 0.1 * math.log(0.1), 0.9 * math.log(0.8) + 0.1 * math.log(0.2)]
    smooth = loss_of(plain, "each", label_smoothing=0.2)(said, target)
    assert float(smooth) == pytest.approx(-sum(parts) / 2, rel=1e-5)


def test_focal_loss() -> None:
    by_hand = [(0.5**2) * math.log(2), (0.8**2) * math.log(5)]
    assert float(loss_of(plain, "one", name="focal")(CLASSES, TRUE)) == pytest.approx(sum(by_hand) / 2, rel=1e-5)
    by_hand = [0.5 * math.log(2), 0.8 * math.log(5)]
    said = loss_of(plain, "one", name="focal", gamma=1.0)(CLASSES, TRUE)
    assert float(said) == pytest.approx(sum(by_hand) / 2, rel=1e-5)
    said = loss_of(plain, "one", name="focal", gamma=1.0, weights=[3.0, 1.0, 9.0])(CLASSES, TRUE)
    assert float(said) == pytest.approx((3 * by_hand[0] + by_hand[1]) / 4, rel=1e-5)
    without = loss_of(plain, "one", name="focal", gamma=0.0)(CLASSES, TRUE)
    assert float(without) == pytest.approx(float(loss_of(plain, "one")(CLASSES, TRUE)))
    each = loss_of(plain, "each", name="focal")(sides((0.9, 0.2)), torch.tensor([[1.0, 0.0]]))
    assert float(each) == pytest.approx(-(0.1**2 * math.log(0.9) + 0.2**2 * math.log(0.8)) / 2, rel=1e-4)


@pytest.mark.parametrize(("kind", "truth"), [("one", torch.tensor([0])), ("each", torch.tensor([[1.0, 0.0]]))])
def test_focal_loss_of_a_sure_decision_has_a_slope(kind: Any, truth: torch.Tensor) -> None:
    sure = torch.tensor([[30.0, -30.0]], requires_grad=True)
    value = loss_of(plain, kind, name="focal", gamma=0.5)(sure, truth)
    value.backward()
    assert sure.grad is not None and torch.isfinite(sure.grad).all()


def test_ordinal_loss() -> None:
    """Squares of the differences between running sums: a miss by two classes costs more than one by one."""
    said = loss_of(plain, "one", name="ordinal")(CLASSES, TRUE)
    # 0.5, 0.75, 1 against 1, 1, 1; and 0.1, 0.3, 1 against 0, 1, 1
    assert float(said) == pytest.approx((0.5**2 + 0.25**2 + 0.1**2 + 0.7**2) / 2, rel=1e-5)
    sure = logits((0.98, 0.01, 0.01))
    near, far = (loss_of(plain, "one", name="ordinal")(sure, torch.tensor([true])) for true in (1, 2))
    assert float(near) == pytest.approx(0.98**2 + 0.01**2, rel=1e-4)
    assert float(far) == pytest.approx(0.98**2 + 0.99**2, rel=1e-4)


def test_losses_that_do_not_fit() -> None:
    for kind, options, said in (
        ("each", {"name": "ordinal"}, "There are: auto, focal"),
        ("number", {"name": "focal"}, "There are: auto"),
        (
            "one",
            {"name": "ordinal", "label_smoothing": 0.1},
            "label_smoothing does not go with technique.loss = 'ordinal'",
        ),
        ("one", {"name": "ordinal", "weights": [1.0]}, "class_weights does not go with technique.loss = 'ordinal'"),
        ("one", {"name": "focal", "label_smoothing": 0.1}, "label_smoothing does not go with technique.loss = 'focal'"),
        ("number", {"label_smoothing": 0.1}, "label_smoothing is for classes"),
    ):
        given: Any = {"kind": kind, **options}
        with pytest.raises(RecipeError, match=said):
            loss_of(plain, **given)


def test_a_batch_without_a_target_teaches_nothing() -> None:
    none = loss_of(plain, "one")(torch.zeros(0, 3, requires_grad=True), torch.zeros(0, dtype=torch.long))
    assert none.item() == 0 and none.requires_grad


def test_divergence_of_one_class_of_several() -> None:
    mine, lead = (Decisions(logits(one), TRUE[:1]) for one in ((0.5, 0.5), (0.9, 0.1)))
    by_hand = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    assert float(divergence(mine, lead, "one")) == pytest.approx(by_hand, rel=1e-4)
    by_hand = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert float(divergence(lead, mine, "one")) == pytest.approx(by_hand, rel=1e-4), "it has a direction"
    # at temperature 2, odds of 9 to 1 become 3 to 1, and the result is multiplied by 4
    by_hand = 4 * (0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5))
    assert float(divergence(mine, lead, "one", temperature=2.0)) == pytest.approx(by_hand, rel=1e-4)
    mine, lead = (Decisions(one.logits.repeat(2, 1), TRUE) for one in (mine, lead))
    assert float(divergence(mine, lead, "one", temperature=2.0)) == pytest.approx(by_hand, rel=1e-4), "a mean over rows"


def test_divergence_of_each_class_and_of_numbers() -> None:
    mine, lead = (Decisions(sides(one), TRUE[:1]) for one in ((0.5, 0.5), (0.9, 0.1)))
    by_hand = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    assert float(divergence(mine, lead, "each")) == pytest.approx(by_hand, rel=1e-4), (
        "a mean over classes, as the loss is"
    )
    by_hand = 4 * (0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5))
    assert float(divergence(mine, lead, "each", temperature=2.0)) == pytest.approx(by_hand, rel=1e-4)
    one, other = (Decisions(torch.tensor(values), TRUE) for values in ([1.0, 2.0], [2.0, 5.0]))
    assert float(divergence(one, other, "number")) == pytest.approx(5.0)
    nothing = Decisions(torch.zeros(0, 3), TRUE[:0])
    assert float(divergence(nothing, nothing, "one")) == 0


def test_tokens_without_a_target_are_left_out() -> None:
    said = torch.arange(12.0).reshape(1, 4, 3)
    target = torch.tensor([[IGNORED, 2, IGNORED, 1]])
    assert token_decisions(said, target).logits.tolist() == [[3, 4, 5], [9, 10, 11]]
    shifted = token_decisions(said, target, shifted=True)
    assert shifted.logits.tolist() == [[0, 1, 2], [6, 7, 8]] and shifted.target.tolist() == [2, 1]
