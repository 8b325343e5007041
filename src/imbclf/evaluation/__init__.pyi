from .comparison import FinishedRun as FinishedRun, rank as rank, read_run as read_run
from .nested_selection import nested_choice as nested_choice
from .run_directory import (
    read_fold as read_fold,
    read_oof as read_oof,
    read_splits as read_splits,
    read_summary as read_summary,
)
