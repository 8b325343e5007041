"""Ask a served model for labels from several clients at once, and measure how long answers take.

    mlflow models serve --env-manager local -m models:/NAME@ALIAS -p 5001
    python scripts/load.py IMAGES [--url http://127.0.0.1:5001/invocations] [--clients 8]
        [--seconds 30] [--images 1]

IMAGES is a folder; each request carries so many of its files, in turn. A request that is not
answered by 200 and a label for each image has failed, and ends the script with code 1.
"""

import argparse
import base64
import json
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

TIMEOUT = 60  # seconds


class Answered(NamedTuple):
    """What became of one request: how long it took, and what went wrong."""

    seconds: float
    failure: str | None


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="folder of images")
    parser.add_argument("--url", default="http://127.0.0.1:5001/invocations")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--images", type=int, default=1, help="in a request")
    return parser


def ask(url: str, files: list[bytes]) -> Answered:
    """Send one request and check that it is answered in full."""
    rows = [{"image": base64.b64encode(file).decode("ascii")} for file in files]
    body = json.dumps({"dataframe_records": rows}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    start = time.perf_counter()
    failure = None
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            predictions = json.load(answer)["predictions"]
        if [bool(row["label"]) for row in predictions] != [True] * len(files):
            failure = "not a label for each image"
    except urllib.error.HTTPError as error:
        failure = f"{error.code}: {error.read(500).decode(errors='replace')}"
    except (OSError, ValueError, KeyError) as error:
        failure = repr(error)
    return Answered(time.perf_counter() - start, failure)


def keep_asking(
    url: str, files: list[bytes], images: int, first: int, end: float
) -> list[Answered]:
    """Send one request after the other until the time is over."""
    answers, place = [], first
    while time.perf_counter() < end:
        chosen = [files[(place + step) % len(files)] for step in range(images)]
        answers.append(ask(url, chosen))
        place += images
    return answers


def main() -> None:
    """Run the clients and print what they met."""
    options = arguments().parse_args()
    paths = (path for path in sorted(options.folder.rglob("*")) if path.is_file())
    files = [path.read_bytes() for path in islice(paths, 1000)]
    first = ask(options.url, files[: options.images])
    if first.failure is not None:
        sys.exit(f"{options.url}: {first.failure}")
    start = time.perf_counter()
    with ThreadPoolExecutor(options.clients) as pool:
        clients = [
            pool.submit(
                keep_asking, options.url, files, options.images, 97 * one, start + options.seconds
            )
            for one in range(options.clients)
        ]
        answers = [answer for client in clients for answer in client.result()]
    taken = time.perf_counter() - start
    failures = [answer.failure for answer in answers if answer.failure is not None]
    p50, p99 = 1000 * np.quantile([answer.seconds for answer in answers], [0.5, 0.99])
    print(
        f"{options.clients} clients, {taken:.0f} s: {len(answers)} requests of {options.images} "
        f"images, {len(answers) / taken:.1f} a second, p50 {p50:.0f} ms, p99 {p99:.0f} ms, "
        f"{len(failures)} failed"
    )
    if failures:
        sys.exit(f"the first: {failures[0]}")


if __name__ == "__main__":
    main()
