"""An augmentation of the user's own, seeded so that a resumed training sees the same images."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from imbclf.augment.random_draws import hash_indices
from imbclf.errors import UserError

ONE_BY_ONE = "torchvision.transforms"  # these draw once for all images of a batch
SLACK = 0.01  # of rounding beyond the range of colors


@dataclass(frozen=True)
class OwnAugmentation:
    """Options of the augmentation in place of `Augmentation`: a module of one's own.

    It is called with images `[N, 3, H, W]`, uint8 in 0..255, or float in 0..1 if it takes no uint8
    images (as kornia's), and returns the same shape in either type. Transforms of torchvision are
    called for each image by itself, since they would draw once for the whole batch. Before each
    call torch's random generators are seeded by the fold's seed, the number of the batch and its
    first image, and restored afterwards.

    Args:
        module: a module or function.

    >>> images = torch.zeros(2, 4, 4, 3, dtype=torch.uint8)
    >>> own = OwnAugmentation(lambda images: images + 1)
    >>> own.augment(images, seed=0, batch=0, rows=torch.arange(2)).unique().tolist()
    [1]
    """

    module: Callable[[Tensor], Tensor]

    @property
    def name(self) -> str:
        """The name of its class or function."""
        kind = type(self.module)
        return kind.__name__

    def check_size(self, height: int, width: int) -> None:
        """Check that it keeps the shape and the range of images of this size.

        Raises:
            UserError: it does not.
        """
        images = torch.randint(
            256,
            (4, height, width, 3),
            dtype=torch.uint8,
            generator=torch.Generator().manual_seed(0),
        )
        made = self.augment(images, seed=0, batch=0, rows=torch.arange(4))
        low, high = float(made.min()), float(made.max())
        if not -255 * SLACK <= low <= high <= 255 * (1 + SLACK):  # false for NaN
            raise UserError(
                f"augment: {self.name} made values from {low / 255:.3g} to {high / 255:.3g} of "
                "colors in 0 to 1; expected the same range. Normalization belongs to model.mean "
                "and model.std"
            )

    @staticmethod
    def describe(height: int, width: int) -> list[str]:  # noqa: ARG004
        """Return no lines: nothing of it follows from the size of the images."""
        return []

    def augment(self, images: Tensor, seed: int, batch: int, rows: Tensor) -> Tensor:
        """Augment a batch.

        Args:
            images: uint8 `[N, H, W, 3]`.
            seed: of the fold.
            batch: number of the batch since training began.
            rows: indices of the images in the data set, int64 `[N]`.

        Returns:
            `[N, H, W, 3]`, uint8, or floating point in 0..255.

        Raises:
            UserError: it fails, or changes the shape.
        """
        pixels = images.permute(0, 3, 1, 2)
        drawn = int(hash_indices(rows[:1].cpu(), seed, batch)[0])
        devices = [images.device] if images.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(drawn)
            made = self._call(pixels)
        if made.shape != pixels.shape:
            raise UserError(
                f"augment: {self.name} made {list(made.shape)} of images {list(pixels.shape)}; "
                "expected the same shape"
            )
        scaled = made if made.dtype == torch.uint8 else 255 * made.float()
        return scaled.permute(0, 2, 3, 1).contiguous()

    def _call(self, pixels: Tensor) -> Tensor:
        try:
            return self._apply(pixels)
        except UserError:
            raise
        except (TypeError, RuntimeError, ValueError, NotImplementedError):
            # Most likely of a library that takes floats alone; if not, this fails as well.
            try:
                return self._apply(pixels.float() / 255)
            except (TypeError, RuntimeError, ValueError, NotImplementedError) as error:
                raise UserError(
                    f"augment: {self.name} fails on images {list(pixels.shape)}, uint8 in 0..255 "
                    f"and float in 0..1 ({type(error).__name__}: {error})"
                ) from error

    def _apply(self, pixels: Tensor) -> Tensor:
        made: object
        if type(self.module).__module__.startswith(ONE_BY_ONE):
            made = torch.stack([self.module(image) for image in pixels])
        else:
            made = self.module(pixels.clone())
        if not isinstance(made, Tensor):
            raise UserError(
                f"augment: {self.name} made {type(made).__name__}; expected images "
                f"{list(pixels.shape)}"
            )
        return made


@dataclass(frozen=True)
class FoldOwnAugmentation:
    """An augmentation of the user's own for the training batches of one fold.

    Args:
        options: the augmentation.
        seed: random seed of the fold.
    """

    options: OwnAugmentation
    seed: int

    def __call__(
        self,
        images: Tensor,
        labels: Tensor,
        rows: Tensor,
        epoch: int,  # noqa: ARG002  # as for `FoldAugmentation`
        batch: int,
    ) -> tuple[Tensor, Tensor]:
        """Augment a batch; arguments and results as for `FoldAugmentation`."""
        return self.options.augment(images, self.seed, batch, rows), labels.float()
