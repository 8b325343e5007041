"""Turn a folder of badly imbalanced images into a classifier you can trust."""

import sys

import lazy_loader

from imbclf.utils.renamed import RenamedModules

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

sys.meta_path.append(RenamedModules)
