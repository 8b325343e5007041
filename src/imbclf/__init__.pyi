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
    tracking as tracking,
    training as training,
    tuning as tuning,
)
from .errors import UserError as UserError
from .utils.version import __version__ as __version__
