import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from imbclf.data.decoding import decode
from imbclf.data.image_cache import cache_key, open_images
from imbclf.data.listing import Listing, list_images
from imbclf.data.pixel_file import write_pixels
from imbclf.data.pixel_options import PixelOptions
from imbclf.errors import UserError

# What a process of its own runs: decode the folder argv[1] into the cache argv[2].
OPEN = """
import signal, sys
from pathlib import Path
from imbclf.data.image_cache import open_images
from imbclf.data.listing import list_images
print("ready", flush=True)
pixels, _ = open_images(list_images(Path(sys.argv[1])), None, Path(sys.argv[2]), workers=2)
print(pixels.shape, int(pixels.sum(dtype="int64")))
"""


def draw(folder: Path, count: int, size: tuple[int, int] = (8, 6)) -> Listing:
    """Draw images of random pixels without loss, `size` being (height, width)."""
    random = np.random.default_rng(count)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        noise = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return list_images(folder)


@pytest.fixture
def photos(tmp_path: Path) -> Listing:
    listing = draw(tmp_path / "photos", 40)
    return Listing(listing.root, listing.files, np.arange(40) % 2)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note every time that images are decoded rather than read from the cache."""
    noted: list[int] = []

    def counted(
        listing: Listing,
        size: tuple[int, int] | None,
        folder: Path,
        workers: int,
        on_decoding: Callable[[], None] | None,
        options: PixelOptions,
    ) -> dict[int, str]:
        noted.append(len(listing))
        return write_pixels(listing, size, folder, workers, on_decoding, options)

    monkeypatch.setattr("imbclf.data.image_cache.write_pixels", counted)
    return noted


def refusal(listing: Listing, cache: Path, workers: int = 1) -> str:
    with pytest.raises(UserError) as caught:
        open_images(listing, None, cache, workers=workers)
    return str(caught.value)


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


# What comes out


@pytest.mark.parametrize("image_size", [None, 5, (3, 4)])
@pytest.mark.parametrize("workers", [3, None])
def test_pixels_are_those_of_decode_in_order(
    photos: Listing, cache: Path, image_size: int | tuple[int, int] | None, workers: int | None
) -> None:
    pixels, kept = open_images(photos, image_size, cache, workers=workers)
    size = (5, 5) if image_size == 5 else image_size
    assert not isinstance(size, int)
    expected = np.stack([decode(photos.root / file, size) for file in photos.files])
    np.testing.assert_array_equal(pixels, expected)
    assert pixels.dtype == np.uint8
    assert not pixels.flags.writeable
    assert kept is photos


def test_a_cached_listing_is_not_decoded_again(
    photos: Listing, cache: Path, runs: list[int]
) -> None:
    first, _ = open_images(photos, None, cache, workers=1)
    again, _ = open_images(photos, None, cache, workers=1)
    np.testing.assert_array_equal(first, again)
    assert runs == [40]
    assert isinstance(again, np.memmap)


def test_the_cache_does_not_depend_on_labels_or_folder(photos: Listing) -> None:
    moved = photos.root.rename(photos.root.with_name("moved"))
    key = cache_key(list_images(moved), None)
    assert key == cache_key(Listing(moved, photos.files, 1 - np.arange(40) % 2), None)
    assert key != cache_key(list_images(moved), (8, 6))
    assert key != cache_key(list_images(moved).take(np.arange(39)), None)


def repaint(path: Path) -> None:
    """Change one pixel and leave size and modification time as they were."""
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (times.st_size, times.st_mtime_ns)


@pytest.mark.parametrize("change", ["repaint", "touch", "replace", "rename", "add"])
def test_a_change_is_noticed(tmp_path: Path, cache: Path, change: str) -> None:
    folder = tmp_path / "photos"
    for number in range(3):
        folder.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(folder / f"{number}.bmp")
    open_images(list_images(folder), None, cache, workers=1)
    time.sleep(0.02)  # let the clock of the file system tick
    if change == "repaint":
        repaint(folder / "1.bmp")
    if change == "touch":
        (folder / "1.bmp").touch()
    if change == "replace":
        Image.new("RGB", (4, 4), (77, 0, 0)).save(tmp_path / "new.bmp")
        (tmp_path / "new.bmp").replace(folder / "1.bmp")
    if change == "rename":
        (folder / "1.bmp").rename(folder / "9.bmp")
    if change == "add":
        Image.new("RGB", (4, 4), (77, 0, 0)).save(folder / "8.bmp")
    listing = list_images(folder)
    pixels, _ = open_images(listing, None, cache, workers=1)
    expected = np.stack([decode(folder / file, None) for file in listing.files])
    np.testing.assert_array_equal(pixels, expected)
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 2


def test_nothing_is_written_beside_the_images(photos: Listing, cache: Path) -> None:
    before = (contents(photos.root), photos.root.stat().st_mtime_ns)
    photos.root.chmod(0o555)
    open_images(photos, None, cache, workers=1)
    assert (contents(photos.root), photos.root.stat().st_mtime_ns) == before
    photos.root.chmod(0o755)


@pytest.mark.parametrize("damage", ["pixels cut", "no pixels", "no index", "index cut"])
def test_a_damaged_cache_is_decoded_again(
    photos: Listing, cache: Path, runs: list[int], damage: str
) -> None:
    expected, _ = open_images(photos, None, cache, workers=1)
    expected = np.array(expected)
    folder = cache / cache_key(photos, None)
    part = folder / ("index.json" if "index" in damage else "pixels.bin")
    if "cut" in damage:
        part.write_bytes(part.read_bytes()[:-1])
    else:
        part.unlink()
    pixels, _ = open_images(photos, None, cache, workers=1)
    np.testing.assert_array_equal(pixels, expected)
    assert len(runs) == 2


@pytest.mark.parametrize("image_size", [0, -3, (0, 5)])
def test_invalid_sizes_are_refused(
    photos: Listing, cache: Path, image_size: int | tuple[int, int]
) -> None:
    with pytest.raises(UserError, match=r"data\.image_size="):
        open_images(photos, image_size, cache, workers=1)


def test_different_sizes_need_one(tmp_path: Path, cache: Path) -> None:
    draw(tmp_path / "photos", 30, (8, 6))
    draw(tmp_path / "photos" / "b", 25, (6, 8))
    listing = draw(tmp_path / "photos" / "c", 1, (5, 5))
    listing = list_images(tmp_path / "photos")
    message = refusal(listing, cache, workers=3)
    assert "3 sizes (height x width): 8x6 (30), 6x8 (25), 5x5 (1)" in message
    assert "data.image_size=64" in message
    assert str(tmp_path / "photos") in message
    assert contents(cache) == []
    pixels, _ = open_images(listing, 4, cache, workers=1)
    assert pixels.shape == (56, 4, 4, 3)


# Images that cannot be read


def spoil(listing: Listing, *numbers: int) -> None:
    for number in numbers:
        (listing.root / f"{number}.png").write_bytes(b"no image")


def test_unreadable_images_are_all_reported(photos: Listing, cache: Path) -> None:
    spoil(photos, *range(1, 26))
    (photos.root / "40.png").unlink()
    message = refusal(photos, cache)
    assert f"26 of 40 images in {photos.root} cannot be read" in message
    assert "\n  1.png: not one of JPEG, PNG" in message
    assert message.count("not one of JPEG") == 20
    assert "and 6 more" in message
    assert "data.on_corrupt=skip" in message
    report = next(cache.glob("*.txt"))
    assert str(report) in message
    lines = report.read_text().splitlines()
    assert len(lines) == 26
    assert lines[-1] == "40.png: No such file or directory"
    assert [path for path in cache.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("bad", [(1,), (40,), (2, 3, 17, 18, 39), tuple(range(1, 40))])
def test_skip_leaves_them_out(
    photos: Listing,
    cache: Path,
    runs: list[int],
    caplog: pytest.LogCaptureFixture,
    bad: tuple[int, ...],
) -> None:
    spoil(photos, *bad)
    for _ in range(2):
        pixels, kept = open_images(photos, None, cache, on_corrupt="skip", workers=1)
        good = [file for file in photos.files.tolist() if int(file[:-4]) not in bad]
        assert kept.files.tolist() == good
        assert kept.labels is not None
        assert kept.labels.tolist() == [(int(file[:-4]) - 1) % 2 for file in good]
        expected = np.stack([decode(photos.root / file, None) for file in good])
        np.testing.assert_array_equal(pixels, expected)
        assert next(cache.glob("*/pixels.bin")).stat().st_size == pixels.nbytes
    assert runs == [40]
    assert len(caplog.records) == 2
    assert f"left out: {len(bad)}, listed in {cache}" in caplog.text
    # To skip is not to forgive: without it they are an error again.
    assert f"{len(bad)} of 40" in refusal(photos, cache)
    open_images(photos, None, cache, on_corrupt="skip", workers=1)
    assert runs == [40, 40]


def test_no_image_at_all_is_an_error_even_when_skipping(photos: Listing, cache: Path) -> None:
    spoil(photos, *range(1, 41))
    with pytest.raises(UserError, match="40 of 40 images"):
        open_images(photos, None, cache, on_corrupt="skip", workers=1)


# Where the cache cannot be


def test_an_unusable_cache_dir_is_refused(photos: Listing, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = refusal(photos, tmp_path / "file" / "cache")
    assert "Not a directory" in message
    assert "data.cache_dir=" in message


def test_too_little_disk_space_is_reported_before_decoding(
    photos: Listing, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=40 * 8 * 6 * 3 - 1)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    message = refusal(photos, cache)
    assert "data.cache_dir=" in message
    assert "are free" in message
    assert contents(cache) == []


def test_a_failed_write_is_reported(photos: Listing, cache: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
    with opening(photos.root, cache, before=limit) as child:
        _, errors = child.communicate(timeout=120)
    assert "UserError: Cannot keep decoded images in" in errors
    assert "File too large" in errors
    assert contents(cache) == []


# Several processes, and violent ends


Child = subprocess.Popen[str]


@contextmanager
def opening(folder: Path, cache: Path, before: str = "") -> Iterator[Child]:
    """Open a folder in a process of its own, which does not outlive the context."""
    child = subprocess.Popen(
        [sys.executable, "-c", before + OPEN, str(folder), str(cache)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def decoders(cache: Path) -> list[int]:
    """Find the processes that decode into a cache."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if (
            b"imbclf.data.decode_worker" in command
            and os.fsencode(cache) in command
            and state != "Z"
        ):
            found.append(int(process.name))
    return found


def partial_bytes(cache: Path) -> int:
    return sum(path.stat().st_size for path in cache.glob("*.partial/pixels.bin"))


@pytest.fixture(scope="module")
def slow_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make images that take some seconds to decode: links to one large image."""
    folder = tmp_path_factory.mktemp("slow")
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "0000.png")
    for number in range(1, 1500):
        (folder / f"{number:04d}.png").hardlink_to(folder / "0000.png")
    return folder


@pytest.fixture
def caught_in_the_act(slow_photos: Path, cache: Path) -> Iterator[Child]:
    """Return a process that is decoding `slow_photos`, and that a SIGTERM makes raise an error."""
    handler = """
import signal
def stop(*_):
    raise ValueError("stopped by a handler")
signal.signal(signal.SIGTERM, stop)
# Shells have what they start in the background ignore it, tests among them.
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
    with opening(slow_photos, cache, before=handler) as child:
        wait_until(lambda: partial_bytes(cache) > 10**6)
        yield child


def test_two_processes_decode_once(photos: Listing, cache: Path) -> None:
    with opening(photos.root, cache) as first, opening(photos.root, cache) as second:
        outputs = [child.communicate(timeout=120) for child in (first, second)]
    pixels, _ = open_images(photos, None, cache)
    assert outputs == [(f"ready\n{pixels.shape} {pixels.sum()}\n", "")] * 2
    assert contents(cache) == [cache_key(photos, None)]


def test_the_second_process_waits_for_the_first(
    caught_in_the_act: Child, slow_photos: Path, cache: Path
) -> None:
    logging = "import logging; logging.basicConfig(level=logging.INFO)\n"
    with opening(slow_photos, cache, before=logging) as second:
        output, errors = second.communicate(timeout=120)
    assert "(1500, 300, 300, 3)" in output
    assert f"Waiting for another process that decodes images into {cache}" in errors
    assert caught_in_the_act.wait(120) == 0


def test_killed_while_decoding(caught_in_the_act: Child, photos: Listing, cache: Path) -> None:
    caught_in_the_act.kill()
    _, errors = caught_in_the_act.communicate(timeout=120)  # ends when the last worker has ended
    assert errors == ""
    assert decoders(cache) == []
    assert list(cache.glob("*.partial"))
    pixels, _ = open_images(photos, None, cache)
    assert pixels.shape == (40, 8, 6, 3)
    assert contents(cache) == [cache_key(photos, None)]


@pytest.mark.parametrize(
    ("number", "problem"),
    [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "stopped by a handler")],
)
def test_interrupted_while_decoding(
    caught_in_the_act: Child, cache: Path, number: int, problem: str
) -> None:
    os.killpg(caught_in_the_act.pid, number)  # as a terminal does on Ctrl-C
    _, errors = caught_in_the_act.communicate(timeout=120)
    assert problem in errors
    assert errors.count("Traceback") == 1
    assert decoders(cache) == []
    assert contents(cache) == []


def test_a_dead_worker_is_an_error(caught_in_the_act: Child, cache: Path) -> None:
    os.kill(decoders(cache)[0], signal.SIGKILL)
    _, errors = caught_in_the_act.communicate(timeout=120)
    assert "RuntimeError: A process that decodes images died" in errors
    assert contents(cache) == []
