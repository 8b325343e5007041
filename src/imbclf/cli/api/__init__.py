"""The Python API: what the commands do, called from a program or a notebook.

Import it from the top: `imbclf.train`, `imbclf.load`, `imbclf.evaluate`, ...
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
