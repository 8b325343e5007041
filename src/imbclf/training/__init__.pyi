from .datamodule import FoldDataModule as FoldDataModule
from .experiment import prepare as prepare, run_experiment as run_experiment
from .gather import gather_folds as gather_folds
from .lightning_module import BinaryClassifier as BinaryClassifier
from .optim import OptimizerRecipe as OptimizerRecipe
from .recipe import CrossValidation as CrossValidation, Recipe as Recipe
