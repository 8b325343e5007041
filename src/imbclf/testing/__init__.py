"""Checks of networks, losses, samplers and augmentations of one's own, for one's own tests.

Each check raises an `AssertionError` that says what the contract is. The project's own parts pass
the same checks.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
