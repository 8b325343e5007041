from .options import TuneOptions as TuneOptions
from .search_space import read_space as read_space
from .trials import search as search
