"""The run in the tracking store that a folder belongs to: started once, resumed from then on."""

from collections.abc import Mapping
from pathlib import Path

from imbclf.evaluation.run_directory import TRACKING_RUN, read_tracking_run
from imbclf.tracking.base import Tracker
from imbclf.utils.files import write_text


def start_or_resume(
    tracking: Tracker,
    folder: Path,
    name: str,
    params: Mapping[str, str | int | float | bool | None],
) -> str | None:
    """Start a folder's run in the tracking store, or resume it, and keep its id in the folder.

    Args:
        tracking: of the store.
        folder: the folder.
        name: of the run in the store.
        params: flat configuration.

    Returns:
        The id of the run that is resumed; None where there was none.

    Raises:
        UserError: the id in the folder is damaged.
    """
    earlier = read_tracking_run(folder)
    run_id = tracking.start(name, params, earlier)
    if run_id is not None:
        write_text(folder / TRACKING_RUN, run_id)
    return earlier
