from .result import Exploration as Exploration
