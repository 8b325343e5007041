from .explore import Exploration as Exploration
