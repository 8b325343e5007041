"""Train the folds of an experiment with LibAUC instead of imbclf; write what comparisons read.

    pip install --no-deps libauc
    python scripts/benchmark_peer.py RUN_DIR [OPTION=VALUE ...]

The options are those of imbclf-train, of which the groups data, model and cv, seed and
trainer.max_epochs count. Images, folds, epochs, backbone, precision (float32), mirror images and
the rule for the threshold are imbclf's; loss (AUCMLoss), optimizer (PESG; a tenth of the rate after
half and after three quarters of the epochs) and batches (DualSampler, half of each label) are
LibAUC's, which were made for each other, all with their defaults. The epoch is that of the greatest
AUROC on dev. RUN_DIR gets oof.csv, summary.json, config.yaml and, of a given test part, which the
fold models judge together, test.csv. (Version 2 of the loss collapses at the default rate: on
cracks16 from scratch, after 15 batches all outputs lie below -12 before the sigmoid, and stay.)

Source: Yuan, Yan, Sonka and Yang, "Large-scale robust deep AUC maximization: a new surrogate loss
and empirical studies on medical image classification", ICCV 2021.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from libauc.losses import AUCMLoss
from libauc.optimizers import PESG
from libauc.sampler import DualSampler
from numpy.typing import NDArray
from omegaconf import OmegaConf
from sklearn.metrics import roc_auc_score
from torch import Tensor

from imbclf.cli.config.build import build_parts
from imbclf.cli.config.compose import compose_train
from imbclf.cli.config.session import hydra_session
from imbclf.evaluation.fold_files import FoldResult
from imbclf.evaluation.run_directory import write_oof
from imbclf.evaluation.summary import pool, pooled_report, summarize
from imbclf.metrics.thresholds import choose_threshold
from imbclf.models.backbone import Backbone
from imbclf.prediction.scoring import score_images
from imbclf.training.preparation import Prepared, prepare
from imbclf.utils.arrays import minority_label
from imbclf.utils.files import write_text
from imbclf.utils.tables import write_json, write_table

DECAYS = (0.5, 0.75)  # of the epochs
CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Scores:
    """Logits of images that a network was not fitted on, float64."""

    dev: NDArray[np.float64]
    test: NDArray[np.float64]
    given: NDArray[np.float64]


def score(network: Backbone, prepared: Prepared, number: int, sign: int) -> Scores:
    """Score dev and test part of a fold, and the given test part; sign is -1 of a rare label 0."""
    pixels, fold, given = prepared.recipe.pixels, prepared.folds[number], prepared.test
    dev, test = (sign * score_images(network, pixels, rows, CPU) for rows in (fold.dev, fold.test))
    if given is None:
        return Scores(dev, test, np.zeros(0))
    rows = np.arange(len(given.pixels))
    return Scores(dev, test, sign * score_images(network, given.pixels, rows, CPU))


def mirrored(images: Tensor) -> Tensor:
    """Mirror each image with probability one half."""
    chosen = torch.rand(len(images), 1, 1, 1) < 0.5
    return torch.where(chosen, images.flip(2), images)


def train_epoch(
    network: Backbone,
    optimizer: PESG,
    loss_of: AUCMLoss,
    pixels: Tensor,
    batches: list[tuple[Tensor, Tensor]],
) -> None:
    """Train on batches of rows and of whether each image is of the rare label."""
    network.train()
    for rows, is_rare in batches:
        optimizer.zero_grad()
        logits = network(mirrored(pixels[rows]))
        loss_of(logits.sigmoid()[:, None], is_rare[:, None]).backward()
        optimizer.step()


def train_fold(prepared: Prepared, number: int, epochs: int) -> tuple[FoldResult, Scores]:
    """Train one fold; return its result and the scores of the chosen epoch."""
    recipe, fold, start = prepared.recipe, prepared.folds[number], time.perf_counter()
    seed, size = recipe.parts.seed + number, recipe.parts.batch_size
    torch.manual_seed(seed)
    network, loss_of = recipe.parts.model(), AUCMLoss(device=CPU)
    optimizer = PESG(network.parameters(), loss_fn=loss_of, verbose=False, device=CPU)
    rare = minority_label(recipe.labels)
    is_rare = (recipe.labels[fold.fit] == rare).astype(np.int64)
    sampler = DualSampler(None, size, labels=is_rare, random_seed=seed)
    pixels, best = torch.from_numpy(np.array(recipe.pixels)), -1.0
    for epoch in range(epochs):
        if epoch in {round(epochs * share) for share in DECAYS}:
            optimizer.update_regularizer(decay_factor=10)
        drawn = np.fromiter(sampler, np.int64).reshape(-1, size)
        batches = [(torch.from_numpy(fold.fit[b]), torch.from_numpy(is_rare[b])) for b in drawn]
        train_epoch(network, optimizer, loss_of, pixels, batches)
        scores = score(network, prepared, number, 1 if rare == 1 else -1)
        auroc = float(roc_auc_score(recipe.labels[fold.dev], scores.dev))
        print(f"fold {number}  epoch {epoch + 1}/{epochs}  dev AUROC {auroc:.4f}", flush=True)
        if auroc > best:
            best, chosen, kept = auroc, epoch, scores
    threshold = choose_threshold(kept.dev, recipe.labels[fold.dev], recipe.parts.cv.threshold)
    seconds = time.perf_counter() - start
    speed = epochs * sampler.num_batches * size / seconds
    return FoldResult(number, chosen, threshold, seconds, speed, kept.dev, kept.test), kept


def write_run(
    run: Path, prepared: Prepared, results: list[FoldResult], given: list[NDArray[np.float64]]
) -> None:
    """Write the results as a run directory has them; summary.json comes last."""
    recipe, listing = prepared.recipe, prepared.recipe.listing
    pooled = pool(results, prepared.folds)
    labels, files = recipe.labels[pooled.rows], listing.files[pooled.rows]
    groups = None if listing.groups is None else listing.groups[pooled.rows]
    write_oof(run, files, labels, pooled.fold_of, pooled.scores, groups)
    names, method = listing.label_names, recipe.parts.cv.threshold
    summary = summarize(
        results, prepared.folds, recipe.labels, names, listing.groups, method=method
    )
    if prepared.test is not None:
        told, truth = np.mean(given, axis=0), prepared.test.listing.known_labels
        columns = {"file": prepared.test.listing.files, "label": truth, "score": told}
        write_table(run / "test.csv", {**columns, "decision": (told >= 0).astype(np.int64)})
        summary["test"] = pooled_report(told, truth, names) | {"models": len(results)}
    write_json(run / "summary.json", summary)


def main() -> None:
    """Train the folds that cv.fold names, or all."""
    run = Path(sys.argv[1])
    with hydra_session():
        cfg, _ = compose_train(sys.argv[2:])
    run.mkdir(parents=True, exist_ok=True)
    parts = build_parts(cfg)
    prepared = prepare(parts)
    trained = [train_fold(prepared, n, cfg.trainer.max_epochs) for n in parts.cv.trained]
    results = [result for result, _ in trained]
    given = [scores.given - result.threshold for result, scores in trained]
    write_text(run / "config.yaml", OmegaConf.to_yaml(cfg, resolve=True))
    write_run(run, prepared, results, given)


if __name__ == "__main__":
    main()
