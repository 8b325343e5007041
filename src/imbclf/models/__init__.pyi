from .backbone import Backbone as Backbone
from .build import build_backbone as build_backbone
from .freezing import Freezing as Freezing
from .saliency import smooth_gradients as smooth_gradients
