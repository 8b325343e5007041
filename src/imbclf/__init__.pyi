from . import (
    augment as augment,
    data as data,
    evaluation as evaluation,
    losses as losses,
    metrics as metrics,
    models as models,
    prediction as prediction,
    reporting as reporting,
    samplers as samplers,
    testing as testing,
    tracking as tracking,
    training as training,
    tuning as tuning,
)
from .cli.api import (
    compare as compare,
    distill as distill,
    evaluate as evaluate,
    explore as explore,
    load as load,
    load_run as load_run,
    train as train,
)
from .errors import UserError as UserError
from .prediction.decision_options import DecisionOptions as DecisionOptions
from .prediction.predictor import Predictor as Predictor
from .reporting.run import Run as Run
from .utils.version import __version__ as __version__
