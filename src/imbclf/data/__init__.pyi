from .dataset import LabelledFolder as LabelledFolder, UnlabelledFolder as UnlabelledFolder
from .decoding import decode as decode
from .image_cache import open_images as open_images
from .listing import Listing as Listing, list_images as list_images
from .pixel_options import PixelOptions as PixelOptions
from .reading.options import ReadingOptions as ReadingOptions
from .reading.read import list_labelled as list_labelled
from .splits import (
    Fold as Fold,
    repeated_folds as repeated_folds,
    stratified_folds as stratified_folds,
)
