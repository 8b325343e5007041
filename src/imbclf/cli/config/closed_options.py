"""Options that a library takes and a user may not choose here, with the reasons."""

from collections.abc import Iterable

RESERVED: dict[str, tuple[str, ...]] = {
    "model": ("head",),
    "sampler": ("labels", "seed"),
    "trainer": (
        "plugins",
        "default_root_dir",
        "enable_checkpointing",
        "enable_progress_bar",
        "enable_model_summary",
        "num_sanity_val_steps",
        "use_distributed_sampler",
    ),
}
# Options that would leave an epoch without validation on the whole dev part.
DISALLOWED = {
    "trainer": (
        "check_val_every_n_epoch",
        "fast_dev_run",
        "limit_val_batches",
        "max_steps",
        "min_steps",
        "overfit_batches",
        "val_check_interval",
    )
}
# Options that Lightning takes and that do nothing here.
WITHOUT_EFFECT = {
    "trainer": (
        "enable_autolog_hparams",
        "limit_predict_batches",
        "limit_test_batches",
        "model_registry",
        "reload_dataloaders_every_n_epochs",
    )
}
# Options of an optimizer that the group `optim` sets for each group of parameters.
REPLACED = {f"optim.optimizer.{name}": f"optim.{name}" for name in ("lr", "weight_decay")}


def why_closed(path: str, key: str, value: object) -> str | None:
    """Return why an option cannot be chosen, and what to do; None if it can.

    >>> why_closed("optim.optimizer", "lr", 0.1)
    'optim.optimizer.lr would be replaced by optim.lr: set that'
    """
    name = f"{path}.{key}" if path else key
    if name in REPLACED:
        return f"{name} would be replaced by {REPLACED[name]}: set that"
    if key in WITHOUT_EFFECT.get(path, ()):
        return f"{name} has no effect here: remove it"
    if name == "trainer.profiler" and isinstance(value, str):
        return (
            f"{name}={value} would show nothing here; for a file set {name}._target_="
            f"lightning.pytorch.profilers.SimpleProfiler {name}.dirpath=. {name}.filename=profile"
        )
    if key in RESERVED.get(path, ()):
        return f"{name} is set by imbclf itself and cannot be chosen"
    if key in DISALLOWED.get(path, ()):
        return (
            f"{name} cannot be chosen: training runs whole epochs, each validated on the whole "
            "dev part; shorten it with trainer.max_epochs or trainer.limit_train_batches"
        )
    return None


def open_options(path: str, accepted: Iterable[str]) -> list[str]:
    """Return the options of a group that may be chosen."""
    closed = {
        *RESERVED.get(path, ()),
        *DISALLOWED.get(path, ()),
        *WITHOUT_EFFECT.get(path, ()),
        *(name.rpartition(".")[2] for name in REPLACED if name.rpartition(".")[0] == path),
    }
    return [name for name in accepted if name not in closed]
