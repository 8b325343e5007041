import importlib
import inspect
import subprocess
import sys

import pytest

from imbclf.cli.config.signatures import parameters

TARGETS = [
    "lightning.Trainer",
    "torch.optim.SGD",
    "torch.optim.AdamW",
    "torch.nn.BCEWithLogitsLoss",
    "torch.nn.SoftMarginLoss",
    "imbclf.losses.FocalLoss",
    "imbclf.samplers.ProgressiveSampler",
    "imbclf.samplers.SquareRootSampler",
    "imbclf.training.OptimizerRecipe",
    "imbclf.data.LabelledFolder",
    "imbclf.augment.Augmentation",
    "imbclf.models.build_backbone",
    "imbclf.training.CrossValidation",
]


@pytest.mark.parametrize("target", TARGETS)
def test_names_read_from_source_are_those_of_the_imported_callable(target: str) -> None:
    module, _, name = target.rpartition(".")
    imported = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    read = parameters(target)
    assert read is not None
    assert list(read) == list(imported)


@pytest.mark.parametrize("target", ["os.system", "nowhere.Nothing", "math.sin", "imbclf.no.One"])
def test_unknown_signatures_are_none(target: str) -> None:
    assert parameters(target) is None


def test_nothing_is_imported() -> None:
    code = (
        "from imbclf.cli.config.signatures import parameters; import sys;"
        "assert 'lr' in parameters('torch.optim.SGD');"
        "assert 'max_epochs' in parameters('lightning.Trainer');"
        "assert not {'torch', 'lightning'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
