"""Error rates, thresholds, calibration, intervals and tests for two unequal classes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
