from .augmentation import check_augment as check_augment
from .backbone import check_backbone as check_backbone
from .loss import check_loss as check_loss
from .sampler import check_sampler as check_sampler
