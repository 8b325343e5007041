"""The contract of losses."""

import inspect
from collections.abc import Callable

import torch
from torch import Tensor, nn

from imbclf.testing.expectation import expect

COUNTS = (12, 88)  # images of label 0 and of label 1
LABELS = (0, 1, 1, 1, 0, 1, 1, 1)


def check_loss(loss: Callable[..., nn.Module], soft_labels: bool = False) -> None:
    """Check that a loss can be trained with.

    Args:
        loss: makes it; a class, or a function of no argument or of `class_counts`, the numbers of
            images (n0, n1) of label 0 and label 1.
        soft_labels: whether to check labels between 0 and 1, as mixup makes them.

    Raises:
        AssertionError: it cannot; the message says what the contract is.

    >>> check_loss(nn.BCEWithLogitsLoss, soft_labels=True)
    >>> check_loss(lambda: nn.BCEWithLogitsLoss(reduction="none"))
    Traceback (most recent call last):
    AssertionError: the loss has to return one number for logits [8] and labels [8], such as the \
mean; it returned [8]
    """
    made = make_loss(loss)
    expect(
        isinstance(made, nn.Module),
        f"the loss has to be a torch.nn.Module; it is a {type(made).__name__}",
    )
    set_progress = getattr(made, "set_progress", None)
    for progress in (0.0, 0.5, 1.0) if callable(set_progress) else (None,):
        if callable(set_progress) and progress is not None:
            set_progress(progress)
        _check_value(made)
        _check_sign(made)
        for name, targets in _batches(soft_labels):
            _check_finite(made, name, targets)
    _check_state(made)


def make_loss(loss: Callable[..., nn.Module]) -> nn.Module:
    """Return a loss, made with class counts if it takes them."""
    takes_counts = "class_counts" in inspect.signature(loss).parameters
    return loss(class_counts=COUNTS) if takes_counts else loss()


def _labels() -> Tensor:
    return torch.tensor(LABELS, dtype=torch.float32)


def _logits(count: int) -> Tensor:
    drawn = torch.randn(count, generator=torch.Generator().manual_seed(0))
    return drawn.requires_grad_()


def _check_value(loss: nn.Module) -> None:
    targets = _labels()
    value = loss(_logits(len(targets)), targets)
    shape = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
    expect(
        isinstance(value, Tensor) and value.numel() == 1,
        f"the loss has to return one number for logits [{len(targets)}] and labels "
        f"[{len(targets)}], such as the mean; it returned {shape}",
    )
    try:
        loss(_logits(len(targets)), targets[:, None])
    except (ValueError, RuntimeError, AssertionError):
        return
    raise AssertionError(
        "logits [N] with labels [N, 1] have to be refused (ValueError): torch would compare each "
        "logit with each label, without a word"
    )


def _check_sign(loss: nn.Module) -> None:
    """At logits of 0, images of label 1 have to be pushed up, or those of label 0 down."""
    targets = _labels()
    logits = torch.zeros(len(targets), requires_grad=True)
    slopes = _gradient(loss, logits, targets)
    ones, zeros = float(slopes[targets == 1].sum()), float(slopes[targets == 0].sum())
    expect(
        ones <= 0 <= zeros and zeros - ones > 0,
        "the logit is the log-odds of label 1: at logits of 0 the loss has to fall where those of "
        "label 1 rise and those of label 0 fall; its slopes are "
        f"{ones:+.3g} for label 1 and {zeros:+.3g} for label 0",
    )


def _batches(soft_labels: bool) -> list[tuple[str, Tensor]]:
    targets = _labels()
    batches = [
        ("both labels", targets),
        ("label 0 alone", torch.zeros(4)),
        ("label 1 alone", torch.ones(4)),
        ("one image", torch.ones(1)),
    ]
    soft = ("labels between 0 and 1", targets * 0.7 + 0.15)
    return [*batches, soft] if soft_labels else batches


def _check_finite(loss: nn.Module, name: str, targets: Tensor) -> None:
    for scale in (1.0, 100.0):
        logits = (scale * _logits(len(targets))).detach().requires_grad_()
        value = loss(logits, targets)
        slopes = _gradient(loss, logits, targets)
        expect(
            bool(value.isfinite().all()) and bool(slopes.isfinite().all()),
            f"loss and gradient have to be finite for a batch of {name} with logits of about "
            f"{scale:g}; the loss is {float(value.detach()):g}",
        )


def _gradient(loss: nn.Module, logits: Tensor, targets: Tensor) -> Tensor:
    value = loss(logits, targets).sum()
    if not value.requires_grad:
        return torch.zeros_like(logits)
    [slopes] = torch.autograd.grad(value, logits, allow_unused=True)
    return torch.zeros_like(logits) if slopes is None else slopes


def _check_state(loss: nn.Module) -> None:
    odd = [name for name, value in loss.state_dict().items() if not isinstance(value, Tensor)]
    expect(
        not odd,
        "the state_dict of a loss has to hold tensors alone, since checkpoints are read without "
        f"running code; not so: {', '.join(odd)}",
    )
