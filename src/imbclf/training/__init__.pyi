from .cross_validation import CrossValidation as CrossValidation
from .datamodule import FoldDataModule as FoldDataModule
from .early_stopping import EarlyStopping as EarlyStopping
from .experiment import run_experiment as run_experiment
from .gather import gather_folds as gather_folds
from .lightning_module import BinaryClassifier as BinaryClassifier
from .optim import OptimizerRecipe as OptimizerRecipe
from .preparation import Prepared as Prepared, prepare as prepare
from .recipe import ExperimentParts as ExperimentParts, Recipe as Recipe
