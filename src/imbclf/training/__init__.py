"""From an experiment to its fold models: Lightning module, data module, callbacks, checkpoints."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
