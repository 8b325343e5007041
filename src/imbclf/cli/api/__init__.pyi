from .compare_runs import compare as compare
from .distill_run import distill as distill
from .evaluate_run import evaluate as evaluate
from .explore_folder import explore as explore
from .load_models import load as load, load_run as load_run
from .train_run import train as train
