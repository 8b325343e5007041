from .base import NoTracker as NoTracker, Tracker as Tracker
from .mlflow_tracker import MLflowTracker as MLflowTracker
