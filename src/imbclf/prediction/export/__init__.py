"""One file for other programs: ONNX, torch.export, 8-bit weights."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
