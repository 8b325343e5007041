"""Run directories, their summary and comparison, and evaluation on held-out images."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
