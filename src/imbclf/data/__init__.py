"""Images and labels on disk: found, checked, decoded once into a cache, divided into folds."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
