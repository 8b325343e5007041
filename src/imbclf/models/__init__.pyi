from .allowed_networks import allow_network as allow_network
from .backbone import Backbone as Backbone
from .build import build_backbone as build_backbone
from .freezing import Freezing as Freezing
from .own_network import build_own_backbone as build_own_backbone
from .saliency import smooth_gradients as smooth_gradients
from .timm_models import build_timm_backbone as build_timm_backbone
