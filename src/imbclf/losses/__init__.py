"""Losses for one logit per image: each maps (logits `[N]`, targets `[N]`) to a scalar.

A loss that depends on the imbalance takes `class_counts`, the numbers (n0, n1) of training images
of label 0 and label 1, from which it derives the minority class. A loss that changes during
training has `set_progress(fraction)`, called at the start of each epoch with the share of training
done, and with 1 for the loss on dev, so that epochs are compared by the same loss.
Targets may be soft: y counts as y of label 1 and 1 - y of label 0.
"""

from imbclf.losses.asymmetric import AsymmetricLoss, asymmetric_loss
from imbclf.losses.aucm import AUCMarginLoss, auc_margin_loss
from imbclf.losses.base import in_full_precision
from imbclf.losses.class_weights import (
    balanced_weights,
    class_weights,
    effective_number_weights,
    minority_weights,
)
from imbclf.losses.deep_svdd import SVDDLoss
from imbclf.losses.deferred import WeightedLoss, deferred_share
from imbclf.losses.focal import FocalLoss, focal_loss
from imbclf.losses.generalized_ce import GeneralizedCrossEntropy, generalized_cross_entropy
from imbclf.losses.label_smoothing import SmoothedBCE, smoothed_bce
from imbclf.losses.ldam import LDAMLoss, ldam_loss, ldam_margins
from imbclf.losses.pairwise_auc import PairwiseAUCLoss, pairwise_auc_loss
from imbclf.losses.soft_hter import SoftHTER, balanced_bce, soft_hter
from imbclf.losses.torch_losses import TORCH_LOSSES, TorchLoss
from imbclf.losses.vector_scaling import VectorScalingLoss, vector_scaling_loss
from imbclf.losses.weighted_bce import ClassBalancedBCE, WeightedBCE, weighted_bce

__all__ = [
    "TORCH_LOSSES",
    "AUCMarginLoss",
    "AsymmetricLoss",
    "ClassBalancedBCE",
    "FocalLoss",
    "GeneralizedCrossEntropy",
    "LDAMLoss",
    "PairwiseAUCLoss",
    "SVDDLoss",
    "SmoothedBCE",
    "SoftHTER",
    "TorchLoss",
    "VectorScalingLoss",
    "WeightedBCE",
    "WeightedLoss",
    "asymmetric_loss",
    "auc_margin_loss",
    "balanced_bce",
    "balanced_weights",
    "class_weights",
    "deferred_share",
    "effective_number_weights",
    "focal_loss",
    "generalized_cross_entropy",
    "in_full_precision",
    "ldam_loss",
    "ldam_margins",
    "minority_weights",
    "pairwise_auc_loss",
    "smoothed_bce",
    "soft_hter",
    "vector_scaling_loss",
    "weighted_bce",
]
