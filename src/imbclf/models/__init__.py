"""Backbones with one logit per image: heads, probes, pretrained weights, freezing, saliency."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
