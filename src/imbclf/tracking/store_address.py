"""Which MLflow store a command uses: the option, the environment, or the embedded one."""

import logging
import os
import re

log = logging.getLogger("imbclf")
VARIABLE = "MLFLOW_TRACKING_URI"


def chosen_uri(uri: str | None) -> str | None:
    """Return the option's address, else that of MLFLOW_TRACKING_URI; None for the embedded store.

    The variable is logged where it decides.

    >>> chosen_uri("http://localhost:5000")
    'http://localhost:5000'
    """
    given = os.environ.get(VARIABLE, "").strip()
    if uri is not None or not given:
        return uri
    log.info("tracking store  %s (%s; tracking.uri=... wins)", without_password(given), VARIABLE)
    return given


def without_password(uri: str) -> str:
    """Return an address for messages.

    >>> without_password("https://ann:secret@host/mlflow"), without_password("sqlite:///a@b.db")
    ('https://ann:***@host/mlflow', 'sqlite:///a@b.db')
    """
    return re.sub(r"(?<=://)([^/:@]*):[^/@]*@", r"\1:***@", uri)
