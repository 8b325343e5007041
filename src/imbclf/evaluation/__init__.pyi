from .comparison import rank as rank
from .finished_run import (
    FinishedRun as FinishedRun,
    read_run as read_run,
)
from .fold_files import read_fold as read_fold
from .nested_selection import nested_choice as nested_choice
from .recipes import rank_recipes as rank_recipes
from .run_directory import (
    read_oof as read_oof,
    read_splits as read_splits,
    read_summary as read_summary,
)
