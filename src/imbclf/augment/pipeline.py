"""Augmentation of the training batches of one fold."""

from dataclasses import dataclass

from torch import Tensor

from imbclf.augment.color import jitter
from imbclf.augment.cutout import cut_out
from imbclf.augment.geometry import draw_crop_boxes, draw_flips, flip_where, shift, warp
from imbclf.augment.mixup import cutmix, draw_partners, draw_shares, mix_labels, mixup
from imbclf.augment.options import Augmentation
from imbclf.augment.random_draws import Draw, Draws
from imbclf.augment.remix import remix_labels


@dataclass(frozen=True)
class FoldAugmentation:
    """Augmentation in this order: shift, rotate and zoom, flip, color, cutout, mixing.

    Args:
        options: options of each step.
        seed: random seed; draws depend on it, the number of the batch and the index of the image.
        class_counts: images (n0, n1) of label 0 and label 1 in the fold's fit part.

    >>> import torch
    >>> augment = FoldAugmentation(Augmentation(mixup=0.2), seed=0, class_counts=(1, 3))
    >>> images, labels = torch.zeros(4, 8, 8, 3, dtype=torch.uint8), torch.tensor([0, 1, 1, 1])
    >>> images, targets = augment(images, labels, torch.arange(4), epoch=0, batch=0)
    >>> images.shape, targets.dtype
    (torch.Size([4, 8, 8, 3]), torch.float32)
    """

    options: Augmentation
    seed: int
    class_counts: tuple[int, int]

    def __call__(
        self, images: Tensor, labels: Tensor, rows: Tensor, epoch: int, batch: int
    ) -> tuple[Tensor, Tensor]:
        """Augment a batch.

        Args:
            images: uint8 `[N, H, W, 3]`.
            labels: int64 `[N]`.
            rows: indices of the images in the data set, int64 `[N]`.
            epoch: from 0.
            batch: number of the batch since training began, from 0.

        Returns:
            Images `[N, H, W, 3]`, uint8, or floating point in 0..255 after color changes or mixup;
            and targets, float32 `[N]` in 0..1.
        """
        draws = Draws(rows, self.seed, epoch, batch)
        images = self._recolor(self._move(images, draws), draws)
        if self.options.cutout:
            centers = draws.pixels(Draw.CUTOUT, *images.shape[1:3])
            images = cut_out(images, centers, self.options.cutout)
        return self._mix(images, labels, draws)

    def _move(self, images: Tensor, draws: Draws) -> Tensor:
        options = self.options
        if options.shift:
            pixels = options.shift_pixels(*images.shape[1:3])
            images = shift(images, draws, pixels)
        if options.zoom < 1 or options.rotate:
            degrees = draws.uniform(Draw.ANGLE, -options.rotate, options.rotate)
            images = warp(images, draw_crop_boxes(draws, options.zoom), degrees)
        if options.flip != "none":
            images = flip_where(images, draw_flips(draws, options.flip))
        return images

    def _recolor(self, images: Tensor, draws: Draws) -> Tensor:
        options = self.options
        if not options.changes_color:
            return images
        brightness, contrast, saturation = (
            draws.uniform(what, 1 - most, 1 + most)
            for what, most in (
                (Draw.BRIGHTNESS, options.brightness),
                (Draw.CONTRAST, options.contrast),
                (Draw.SATURATION, options.saturation),
            )
        )
        return jitter(images, brightness, contrast, saturation)

    def _mix(self, images: Tensor, labels: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        options = self.options
        if not (options.mixup or options.cutmix):
            return images, labels.float()
        partner = draw_partners(draws)
        if self._draws_cutmix(draws):
            share = draw_shares(draws, options.cutmix)
            centers = draws.pixels(Draw.BOX, *images.shape[1:3])
            images, share = cutmix(images, partner, share, centers)
            return images, mix_labels(labels, partner, share)
        share = draw_shares(draws, options.mixup)
        images = mixup(images, partner, share)
        if options.remix:
            kappa, tau = options.remix_kappa, options.remix_tau
            return images, remix_labels(labels, partner, share, self.class_counts, kappa, tau)
        return images, mix_labels(labels, partner, share)

    def _draws_cutmix(self, draws: Draws) -> bool:
        if not (self.options.mixup and self.options.cutmix):
            return self.options.cutmix > 0
        # Drawn with the index of the first image of the batch.
        first = Draws(draws.rows[:1], self.seed, draws.epoch, draws.batch)
        return bool(first.bits(Draw.MIXING) & 1)
