"""Names of version 0.1, for the runs, studies and models that it has written.

A run's `config.yaml` names what it was built from, and a model that MLflow has logged is a file of
code that imports its predictor: both keep working.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

RENAMED = {
    "imbclf.backbones": "imbclf.models",
    "imbclf.dataset": "imbclf.data",
    "imbclf.demo": "imbclf.data.demo",
    "imbclf.heads": "imbclf.models.heads",
    "imbclf.mlflow_tracker": "imbclf.tracking",
    "imbclf.optim": "imbclf.training",
    "imbclf.predictor": "imbclf.prediction.version_0_1",
    "imbclf.recipe": "imbclf.training",
    "imbclf.serving": "imbclf.prediction",
    "imbclf.tuning.options": "imbclf.tuning",
}

CLASSES = {"imbclf.heads.NeighboursHead": "imbclf.models.heads.NeighborsHead"}
# Of the command line and of `config.yaml`: a choice of a group, and options.
CHOICES = {"head=neighbours": "head=neighbors"}
OPTIONS = {
    "head.neighbours": "head.neighbors",
    "head.normalise": "head.normalize",
    "data.make.unlabelled": "data.make.unlabeled",
}
# Options that named a run directory, each in some of the commands; of all it is `run` today.
RUN, FORMER_RUN = "run", ("ckpt", "runs", "sweep")
# Options that came later, with the value that does what version 0.1 did.
_DATA = (
    *("file", "label", "positive", "drop", "names", "group", "part", "test", "suffix", "strip"),
    *("missing", "duplicates", "unlisted", "include", "exclude", "order", "depth", "fit"),
    *("max_pixels", "subgroups"),
)
ADDED: dict[str, object] = {
    **{f"data.{name}": None for name in _DATA},
    "cv.fit_share": None,
    "model.fast_conv": True,
    "tracking.run_name": None,
    "tracking.tags": {},
    "trainer.time_limit": None,
}
# Values that were defaults, and what says the same today.
VALUES: dict[str, tuple[object, object]] = {
    "data.images": ("train_img", None),
    # Of the store: a run that is resumed stays in its experiment, whatever the name.
    "tracking.experiment": ("imbclf", None),
}


def current_name(name: str) -> str:
    """Return the name that a class or function of version 0.1 has today.

    >>> current_name("imbclf.dataset.LabelledFolder"), current_name("torch.optim.SGD")
    ('imbclf.data.LabelledFolder', 'torch.optim.SGD')
    """
    module, _, last = name.rpartition(".")
    current = f"{RENAMED.get(module, module)}.{last}" if module else name
    return CLASSES.get(name, current)


def current_override(override: str) -> str:
    """Return what an override of version 0.1 is written as today.

    >>> current_override("head=neighbours"), current_override("++head.normalise=false")
    ('head=neighbors', '++head.normalize=false')
    """
    key, equals, value = override.partition("=")
    name = key.lstrip("+")
    current = key.removesuffix(name) + OPTIONS.get(name, name)
    return CHOICES.get(override, f"{current}{equals}{value}")


class RenamedModules:
    """Import a module of version 0.1 by its former name, where no module of that name exists."""

    @classmethod
    def find_spec(
        cls,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG003
        target: ModuleType | None = None,  # noqa: ARG003
    ) -> ModuleSpec | None:
        """Claim the names of the table, as `importlib` asks for it."""
        return ModuleSpec(name, cast("Loader", cls)) if name in RENAMED else None

    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        """Leave making the module to `importlib`; it is replaced as it is executed."""

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """Put the module of today in the place of the former one."""
        sys.modules[module.__name__] = import_module(RENAMED[module.__name__])
