"""What MLflow reads from the environment, when it is imported and when it is used."""

import os

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_UV_AUTO_DETECT": "false",  # else it copies the user's uv.lock
    # A server that does not answer costs 12 seconds, by MLflow's own settings 4 minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


def apply_settings() -> None:
    """Set what MLflow reads from the environment; what the user has set stays."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


apply_settings()
