"""Run directories: read, written, summarized, compared, judged on held-out images."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
