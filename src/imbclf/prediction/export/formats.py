"""Export formats: the graph of an ensemble as a file that does not need imbclf."""

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.prediction.export.graph import OUTPUTS
from imbclf.utils.install_line import install_line

Format = Literal["onnx", "pt2"]
Answer = Mapping[str, NDArray[Any]]  # by the names of OUTPUTS
Run = Callable[[NDArray[np.uint8]], Answer]
METADATA = "imbclf.json"
LARGEST_PROTOBUF = 2**31 - 2**24  # bytes of a single ONNX file, with a margin


def check_format(name: str) -> None:
    """Refuse an unknown format, and one whose packages are not installed.

    Raises:
        UserError: the message says what to choose or to install.
    """
    if name not in get_args(Format):
        raise UserError(f"format={name}: expected {' or '.join(get_args(Format))}")
    if name == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            onnx_package(package)


def onnx_package(name: str) -> ModuleType:
    """Import one of the packages of the extra `onnx`.

    Raises:
        UserError: it is not installed.
    """
    try:
        with silence_exporters():
            return import_module(name)
    except ImportError as error:
        raise UserError(
            f"format=onnx needs {name}, which is not installed ({error}): "
            f"{install_line('onnx')}   (format=pt2 needs nothing more)"
        ) from error


def write_graph(
    program: torch.export.ExportedProgram,
    form: Format,
    path: Path,
    description: Mapping[str, object],
) -> None:
    """Write a traced graph; weights too large for one ONNX file are put in a second one beside it.

    Args:
        program: the result of `imbclf.prediction.export.graph.trace`.
        form: `onnx` or `pt2`.
        path: the file, with that suffix.
        description: metadata that is kept inside the file; JSON-able.
    """
    text = json.dumps(description)
    with silence_exporters():
        if form == "pt2":
            torch.export.save(program, path, extra_files={METADATA: text})
            return
        onnx = torch.onnx.export(
            program,
            dynamo=True,
            input_names=["images"],
            output_names=[*OUTPUTS],
            verbose=False,
        )
        assert onnx is not None
        onnx.model.metadata_props[METADATA] = text
        size = sum(tensor.nbytes for tensor in program.state_dict.values())
        onnx.save(path, external_data=size > LARGEST_PROTOBUF)


def open_graph(path: Path) -> Run:
    """Load an exported file on the CPU, with PyTorch's number of threads; return a function."""
    if path.suffix == ".pt2":
        with silence_exporters():
            module = torch.export.load(path).module()

        def run_pt2(images: NDArray[np.uint8]) -> Answer:
            with torch.no_grad():
                outputs = module(torch.from_numpy(np.ascontiguousarray(images)))
            return {name: output.numpy() for name, output in zip(OUTPUTS, outputs, strict=True)}

        return run_pt2
    onnxruntime = onnx_package("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run_onnx(images: NDArray[np.uint8]) -> Answer:
        return dict(zip(OUTPUTS, session.run([*OUTPUTS], {"images": images}), strict=True))

    return run_onnx


@contextmanager
def silence_exporters() -> Iterator[None]:
    """Silence the warnings that exporters raise in their own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
