"""A student: its loss, its images, its epochs, and what it is compared with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score
from torch import nn

from imbclf.data.listing import Listing
from imbclf.data.splits import stratified_folds
from imbclf.errors import UserError
from imbclf.evaluation.student_comparison import compare_errors
from imbclf.metrics.threshold_transfer import carried_threshold
from imbclf.metrics.thresholds import choose_threshold
from imbclf.models import build_backbone
from imbclf.prediction.predictions import Predictions
from imbclf.training import OptimizerRecipe
from imbclf.training.distillation.student import Student, Teacher
from imbclf.training.distillation.student_fold import StudentOptions, planned_epochs, student_fold


class Brightness(nn.Module):
    """A logit that is the mean pixel, on some scale, with a weight that must not change."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.scale * images.float().mean(dim=(1, 2, 3))


def student_of(share: float) -> Student:
    recipe = OptimizerRecipe(torch.optim.Adam, lr=1e-3)
    student = Student(build_backbone("squeezenet1_1"), nn.BCEWithLogitsLoss(), recipe)
    student.teacher = Teacher([Brightness(0.01), Brightness(0.03)], share)
    return student


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_the_loss_mixes_labels_and_the_mean_logit_of_the_fold_models(share: float) -> None:
    images = torch.randint(256, (6, 8, 8, 3), dtype=torch.uint8)
    logits, labels = torch.linspace(-2, 2, 6), torch.tensor([0, 1, 1, 0, 1, 0])
    loss = float(student_of(share).training_loss(logits, (images, labels)))

    def cross_entropy(targets: np.ndarray) -> float:
        p = 1 / (1 + np.exp(-logits.double().numpy()))
        return float(-np.mean(targets * np.log(p) + (1 - targets) * np.log(1 - p)))

    opinion = 1 / (1 + np.exp(-0.02 * images.double().numpy().mean(axis=(1, 2, 3))))
    expected = (1 - share) * cross_entropy(labels.numpy()) + share * cross_entropy(opinion)
    assert loss == pytest.approx(expected, rel=1e-5)


def test_the_teacher_is_no_part_of_the_student_and_learns_nothing() -> None:
    student = student_of(0.5)
    plain = build_backbone("squeezenet1_1")
    assert {*student.state_dict()} == {f"backbone.{name}" for name in plain.state_dict()}
    images = torch.randint(256, (4, 64, 64, 3), dtype=torch.uint8)
    loss = student.training_loss(student(images), (images, torch.tensor([0, 1, 0, 1])))
    loss.backward()  # type: ignore[no-untyped-call]
    for network in student.teacher.networks:
        assert all(weight.grad is None for weight in network.parameters())
        assert not network.training


def listing_of(
    labels: np.ndarray, groups: np.ndarray | None = None, parts: np.ndarray | None = None
) -> Listing:
    files = np.arange(len(labels)).astype(str)
    return Listing(Path("p"), files, labels, groups=groups, parts=parts)


def test_the_threshold_is_chosen_on_other_images_and_groups_stay_whole() -> None:
    labels = np.array([0, 0, 1, 1, 1, 1, 1, 1] * 15)
    groups = np.arange(120) // 4
    listing = listing_of(labels, groups=groups.astype(str))
    folds = stratified_folds(labels, 3, seed=0, groups=groups)
    fold = student_fold(listing, folds, seed=0, dev_fraction=0.2)
    assert sorted([*fold.fit, *fold.dev]) == [*range(120)]
    assert not {*groups[fold.fit]} & {*groups[fold.dev]}
    assert 16 <= len(fold.dev) <= 32
    assert {*labels[fold.dev]} == {0, 1}


def test_a_dev_part_of_the_user_is_the_student_s_too() -> None:
    labels = np.array([0, 1] * 20)
    parts = np.array(["dev" if place < 8 else "" for place in range(40)])
    folds = stratified_folds(labels, 2, seed=0)
    fold = student_fold(listing_of(labels, parts=parts), folds, seed=0, dev_fraction=0.1)
    assert fold.dev.tolist() == [*range(8)]
    assert fold.fit.tolist() == [*range(8, 40)]


def test_folds_of_one_label_have_no_student() -> None:
    labels = np.array([0, 1] * 20)
    folds = stratified_folds(labels, 2, seed=0)
    folds[0].fit[:] = 1  # all of label 1
    with pytest.raises(UserError, match="one label alone"):
        student_fold(listing_of(labels), folds, seed=0, dev_fraction=0.1)


def test_a_head_that_is_fitted_without_epochs_stays_so() -> None:
    run = {"per_fold": [{"chosen_epoch": 1}], "epochs": {"planned": 0}}
    assert planned_epochs(StudentOptions(), 0.0, run) == 0
    with pytest.raises(UserError, match="epochs=7: the run fits its head without any"):
        planned_epochs(StudentOptions(epochs=7), 0.0, run)


@pytest.mark.parametrize("name", ["share", "epochs", "dev_fraction"])
def test_options_that_are_no_such_numbers_are_refused(name: str) -> None:
    for value in ("half", True, -1, 1.5):
        with pytest.raises(UserError, match=f"{name}={value}: expected"):
            StudentOptions(**{name: value})  # type: ignore[arg-type]


def test_the_loss_is_told_on_the_same_images_with_its_interval() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], [60, 240])
    answers = []
    for noise in (1.0, 0.7):
        scores = 2.0 * labels - 1 + random.normal(0, noise, len(labels))
        decided = (scores >= 0).astype(np.int64)
        nothing = np.empty(0)
        answers.append(Predictions(scores, nothing, decided, decided.astype(str), nothing))
    student, ensemble = answers
    found = compare_errors(student, ensemble, labels, ("0", "1"), None)
    own, other = (1 - balanced_accuracy_score(labels, one.decisions) for one in answers)
    assert found["loss"] == pytest.approx(own - other)
    assert found["relative_loss"] == pytest.approx(own / other - 1)
    assert found["student"]["hter"] == pytest.approx(own)
    # A stratified bootstrap of the difference of errors, image by image.
    gap = np.abs(student.decisions - labels) - np.abs(ensemble.decisions - labels)
    zeros, ones = (
        random.choice(gap[labels == label], (2000, count)).mean(axis=1)
        for label, count in ((0, 60), (1, 240))
    )
    resampled = (zeros + ones) / 2
    half = 1.96 * np.std(resampled)
    low, high = found["loss_interval"]
    assert (high - low) / 2 == pytest.approx(half, rel=0.15)


def test_a_carried_threshold_beats_that_of_few_images() -> None:
    """Both against the best threshold of the student's own distribution, which is known."""
    random, images = np.random.default_rng(1), 1000
    excess: dict[str, list[float]] = {"carried": [], "chosen": []}
    for _ in range(60):
        labels = (random.random(images) < 0.88).astype(np.int64)
        latent = 3.5 * labels + random.normal(0, 1, images)
        scores = latent + random.normal(0, 0.3, images)
        logits = 2 * (latent + random.normal(0, 0.3, images)) + 1
        few = np.arange(images // 10)
        own = logits[few], labels[few]
        of_all = choose_threshold(scores, labels, "smoothed")
        for name, found in (
            ("carried", carried_threshold(of_all, scores[few], *own)),
            ("chosen", choose_threshold(*own, "smoothed")),
        ):
            spread = 2 * np.hypot(1, 0.3)
            hters = [
                (norm.sf((at - 1) / spread) + norm.cdf((at - 8) / spread)) / 2
                for at in (found, 4.5)
            ]
            excess[name].append(hters[0] - hters[1])
    assert np.mean(excess["carried"]) < 0.4 * np.mean(excess["chosen"])


def test_scores_that_fall_with_the_label_carry_nothing() -> None:
    scores, labels = np.array([1.0, 0.0]), np.array([0, 1])
    with pytest.raises(ValueError, match="larger mean"):
        carried_threshold(0.0, scores, scores, labels)
