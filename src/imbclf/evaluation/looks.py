"""How often images that are kept for judging have been judged, by whatever run or command.

A look is a file, so that looks at the same time need no lock and none is lost:

    looks/<images>/<decisions>.json     when and by which run

`<images>` is a digest of which images it is, `<decisions>` one of how they were decided. Whoever
repeats a command sees what was seen before: the same decisions are one look. The files lie beside
the decoded images (`data.cache_dir`), where the runs on the same data meet, and in the run
directory, which is kept when the cache is deleted or another one is used.
"""

import hashlib
import logging
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.data.listing import Listing
from imbclf.utils.tables import write_json

log = logging.getLogger("imbclf")
LOOKS = "looks"


def count_look(
    listing: Listing, decisions: NDArray[np.int64], cache_dir: str | Path, run: Path | None = None
) -> int:
    """Record a look at labeled images; return how many there have been, this one included.

    Args:
        listing: the N images, with their labels.
        decisions: `[N]`, 0 or 1, or -1 where a person is asked.
        cache_dir: folder of the decoded images.
        run: the run directory, if known.
    """
    images, decided = images_digest(listing), _digest(decisions[_order(listing)].astype(np.uint8))
    look = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "run": str(run or "")}
    found = {decided}
    for place in (Path(cache_dir), *([] if run is None else [run])):
        file = place / LOOKS / images / f"{decided}.json"
        try:
            if not file.exists():
                write_json(file, look)
            found |= {path.stem for path in file.parent.glob("[!.]*.json")}
        except OSError as error:
            log.warning("This look at the images is not counted in %s: %s", place, error.strerror)
    return len(found)


def images_digest(listing: Listing) -> str:
    """Return a digest of the names, labels and sizes in bytes of labeled images, in any order.

    >>> one = Listing(Path("p"), np.array(["a", "b"]), np.array([0, 1]))
    >>> images_digest(one) == images_digest(one.take([1, 0]))
    True
    """
    ordered = listing.take(_order(listing))
    sizes = [_size(ordered.root / file) for file in ordered.files.tolist()]
    names = "\n".join(ordered.files.tolist()).encode(errors="surrogateescape")
    return _digest(names, ordered.known_labels, np.array(sizes, np.int64))


def looks_text(looks: int) -> str:
    """Return the number of looks as a sentence, with a caution from the second on.

    >>> looks_text(1)
    'This is look 1 at these images, honest as long as nothing is chosen by it'
    >>> looks_text(3).partition(":")[0]
    'This is look 3 at these images'
    """
    text = f"This is look {looks} at these images"
    if looks < 2:
        return f"{text}, honest as long as nothing is chosen by it"
    return f"{text}: {caution(looks)}"


def caution(looks: int) -> str:
    """Return what two or more looks mean, as the end of a sentence."""
    return (
        f"{looks} different results have been seen on them. To keep the best of these, or to "
        "change anything because of them, is to choose on these images, and the result is too "
        "optimistic; the honest number of what was so chosen needs new images"
    )


def _order(listing: Listing) -> NDArray[np.intp]:
    return np.argsort(listing.files, kind="stable")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _digest(*parts: bytes | NDArray[np.generic]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part if isinstance(part, bytes) else np.ascontiguousarray(part).tobytes()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
