"""Decode many images in worker processes, each image into its row of one file.

Each worker is a new interpreter that imports only this module. Threads would wait for the global
interpreter lock, a fork is unsafe once libraries run threads, and the other start methods of
`multiprocessing` import the caller's main script, torch included, into each worker.
"""

import os
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imbclf.data.decoding import UnreadableImage, decode, decode_with_range, height_width
from imbclf.data.pixel_options import FULL, PixelOptions
from imbclf.data.value_range import ValueRange, join_ranges

NAMES = "files.npy"  # [N] paths relative to the root
PIXELS = "pixels.bin"  # uint8 [N, H, W, 3], without the rows of unreadable images
NOTHING = (None, None, 1)  # instead of pixels, range of values and pages
ONE_LINE = bytes.maketrans(b"\n\r", b"  ")
BLOCK = 64  # most images that a worker decodes between two reports
BLOCK_BYTES = 2**24  # most bytes of pixels between two reports


class Report(NamedTuple):
    """A line from a worker.

    Attributes:
        kind: "decoded", "measured" (not written, since sizes differ), "unreadable", "values" (of
            images of more than 8 bits), "pages" (of a file of several) or "failure" (the pixels
            could not be written and the worker stopped).
        subject: height and width of the images, as in 48x64; index of the unreadable image, or of
            that of several pages; kind of the values; or errno of the failure.
        text: number of images or of pages; least and greatest value; or the reason.
    """

    kind: str
    subject: str
    text: str


@contextmanager
def decode_in_workers(
    folder: Path,
    root: Path,
    size: tuple[int, int] | None,
    workers: int,
    options: PixelOptions,
) -> Iterator[Iterator[Report]]:
    """Decode the images named in `folder/files.npy` into `folder/pixels.bin` in worker processes.

    Args:
        folder: folder of both files.
        root: folder that the names are relative to.
        size: (height, width) to resize images to; None expects all images to have the size of the
            first readable one. After the first that differs, sizes are only counted.
        workers: number of processes.
        options: depth, resizing mode and limit of pixels.

    Yields:
        The reports as they arrive. All workers have ended when the context is left.

    Raises:
        RuntimeError: a worker died.
    """
    height, width = size or (0, 0)
    arguments = [str(folder), str(root), str(height), str(width)]
    low, high = options.scale or FULL
    arguments += [str(low), str(high), str(options.fit), str(options.max_pixels or 0)]
    arguments += [str(workers)]
    command = [sys.executable, "-P", "-m", "imbclf.data.decode_worker", *arguments]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OPENBLAS_NUM_THREADS": "1",
    }
    source, sink = os.pipe()
    running: list[subprocess.Popen[bytes]] = []
    with os.fdopen(source) as lines:
        try:
            with os.fdopen(sink, "wb") as pipe:
                for part in range(workers):
                    worker = subprocess.Popen(
                        [*command, str(part)],
                        stdin=subprocess.DEVNULL,
                        stdout=pipe,
                        env=environment,
                        start_new_session=True,  # Ctrl-C must not reach the workers
                    )
                    running.append(worker)
            yield (Report(*line.rstrip("\n").split(" ", 2)) for line in lines)
            if any(worker.wait() for worker in running):
                raise RuntimeError("A process that decodes images died; its message is above")
        finally:
            for worker in running:
                worker.kill()
            for worker in running:
                worker.wait()


def decode_part(
    folder: Path,
    root: Path,
    size: tuple[int, int] | None,
    options: PixelOptions,
    parts: int,
    part: int,
) -> Iterator[Report]:
    """Decode every `parts`-th block of images, starting at block `part`, and yield reports.

    The other arguments are those of `decode_in_workers`.

    Raises:
        OSError: the pixels cannot be written.
    """
    files = np.load(folder / NAMES, mmap_mode="r")
    expected = size or _first_size(root, files)
    block = block_length(*expected)
    rows = np.zeros((block, *expected, 3), dtype=np.uint8)
    uniform = True
    with (folder / PIXELS).open("r+b") as pixels:
        for start in range(part * block, len(files), parts * block):
            names = files[start : start + block].tolist()
            sizes: Counter[tuple[int, ...]] = Counter()
            found: ValueRange | None = None
            for place, name in enumerate(names):
                path = f"{root}/{name}"
                try:
                    image, values, pages = (
                        decode_with_range(path, size, options) if uniform else NOTHING
                    )
                    shape = height_width(path) if image is None else image.shape[:2]
                except UnreadableImage as error:
                    yield Report("unreadable", str(start + place), str(error))
                    continue
                sizes[shape] += 1
                if pages > 1:
                    yield Report("pages", str(start + place), str(pages))
                if values is not None:
                    found = join_ranges(found, values)
                uniform = uniform and shape == expected
                if uniform and image is not None:
                    rows[place] = image
            if uniform:
                pixels.seek(start * rows[0].nbytes)
                pixels.write(rows[: len(names)].data)
                pixels.flush()
            if found is not None:
                yield Report("values", found.kind, f"{found.low} {found.high}")
            kind = "decoded" if uniform else "measured"
            for (height, width), count in sizes.items():
                yield Report(kind, f"{height}x{width}", str(count))


def block_length(height: int, width: int) -> int:
    """Return the number of images in a block, smaller for large images.

    >>> block_length(64, 64), block_length(1000, 1000), block_length(9000, 9000)
    (64, 5, 1)
    """
    return max(1, min(BLOCK, BLOCK_BYTES // max(1, height * width * 3)))


def _first_size(root: Path, files: NDArray[np.str_]) -> tuple[int, int]:
    for file in files:
        try:
            height, width, _ = decode(root / str(file), None).shape
        except UnreadableImage:
            continue
        return height, width
    return 0, 0


def main() -> None:
    """Decode the part given on the command line and print reports to standard output."""
    folder, root, height, width, low, high, fit, most, parts, part = sys.argv[1:]
    size = (int(height), int(width)) if int(height) else None
    scale = float(low), float(high)
    options = PixelOptions(scale, fit, int(most) or None)  # type: ignore[arg-type]
    warnings.simplefilter("ignore")  # Pillow warns about images that it can read
    try:
        for report in decode_part(Path(folder), Path(root), size, options, int(parts), int(part)):
            _send(report)
    except BrokenPipeError:
        pass  # the parent process has ended
    except OSError as error:
        _send(Report("failure", str(error.errno), str(error.strerror)))


def _send(report: Report) -> None:
    # All workers share one pipe; POSIX writes at most 512 bytes atomically.
    line = " ".join(report).encode("ascii", "replace").translate(ONE_LINE)[:500]
    os.write(sys.stdout.fileno(), line + b"\n")


if __name__ == "__main__":
    main()
