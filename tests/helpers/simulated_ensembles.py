"""Ensembles of fold models of quick learners, and new images to judge them on."""

from collections.abc import Callable
from dataclasses import dataclass
from warnings import catch_warnings

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from imbclf.data.splits import Fold, repeated_folds
from imbclf.prediction.decision_rule import DecisionRule, decision_rule

Floats = NDArray[np.float64]
Scorer = Callable[[Floats], Floats]
FEATURES, DISTANCE = 20, 2.4


@dataclass(frozen=True, eq=False)
class SimulatedEnsemble:
    """What a run of M fold models leaves of N images, and what it does with new ones.

    Attributes:
        labels: `[N]`, 1 for the minority.
        folds: of the run.
        logits: `[N, M]`, NaN where the model was trained on the image.
        rules: of the fold models, chosen on dev and test, as in the predictor.
        new_labels, new_logits: `[L]`, `[L, M]`.
    """

    labels: NDArray[np.int64]
    folds: list[Fold]
    logits: Floats
    rules: list[DecisionRule]
    new_labels: NDArray[np.int64]
    new_logits: Floats

    def numbers(self, name: str) -> Floats:
        """Return a number of the decision rules, `[M]`."""
        return np.array([rule[name] for rule in self.rules])  # type: ignore[literal-required]


def simulate(
    learner: str,
    images: int,
    minority: int,
    seed: int,
    new: int = 20_000,
    folds: int = 5,
    repeats: int = 1,
) -> SimulatedEnsemble:
    """Train a learner in each fold; two normal classes differ in one of 20 features."""
    random = np.random.default_rng(seed)
    features, labels = _draw(random, images, minority)
    new_features, new_labels = _draw(random, new, new * minority // images)
    divided = repeated_folds(labels, folds, seed, repeats)
    logits = np.full((images, len(divided)), np.nan)
    new_logits = np.empty((new, len(divided)))
    rules = []
    for number, fold in enumerate(divided):
        score = LEARNERS[learner](features[fold.fit], labels[fold.fit], 1000 * seed + number)
        own = np.concatenate([fold.dev, fold.test])
        logits[own, number] = score(features[own])
        new_logits[:, number] = score(new_features)
        rules.append(decision_rule(logits[own, number], labels[own], "smoothed"))
    return SimulatedEnsemble(labels, divided, logits, rules, new_labels, new_logits)


def _draw(
    random: np.random.Generator, images: int, minority: int
) -> tuple[Floats, NDArray[np.int64]]:
    labels = np.repeat([0, 1], [images - minority, minority])
    features = random.normal(size=(images, FEATURES))
    features[:, 0] += DISTANCE * labels
    return features, labels


def _logistic(features: Floats, labels: NDArray[np.int64], seed: int) -> Scorer:
    del seed  # as alike as models of different folds can be
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=300)
    return model.fit(features, labels).decision_function  # type: ignore[no-any-return]


def _random_features(features: Floats, labels: NDArray[np.int64], seed: int) -> Scorer:
    random = np.random.default_rng(seed)
    weights = random.normal(size=(FEATURES, 60)) / np.sqrt(FEATURES)
    offsets = random.normal(size=60) / 2

    def hidden(rows: Floats) -> Floats:
        return np.asarray(np.maximum(rows @ weights + offsets, 0), np.float64)

    model = LogisticRegression(class_weight="balanced", max_iter=300).fit(hidden(features), labels)
    return lambda rows: np.asarray(model.decision_function(hidden(rows)))


def _network(features: Floats, labels: NDArray[np.int64], seed: int) -> Scorer:
    model = MLPClassifier(
        (16,), alpha=1e-2, max_iter=40, learning_rate_init=0.01, random_state=seed
    )
    with catch_warnings(action="ignore", category=ConvergenceWarning):  # stopped early
        model.fit(features, labels)
    return _log_odds(model, 1e-9)


def _trees(features: Floats, labels: NDArray[np.int64], seed: int) -> Scorer:
    model = ExtraTreesClassifier(30, min_samples_leaf=3, class_weight="balanced", random_state=seed)
    return _log_odds(model.fit(features, labels), 0.005)


def _log_odds(model: MLPClassifier | ExtraTreesClassifier, least: float) -> Scorer:
    return lambda rows: np.asarray(
        logit(np.clip(model.predict_proba(rows)[:, 1], least, 1 - least))
    )


LEARNERS: dict[str, Callable[[Floats, NDArray[np.int64], int], Scorer]] = {
    "logistic": _logistic,
    "random": _random_features,
    "network": _network,
    "trees": _trees,
}
