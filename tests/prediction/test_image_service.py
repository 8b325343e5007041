"""Image files in requests: the answers of the predictor, and reasons where there is none."""

import base64
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from PIL import Image

import imbclf
import load
from helpers.commands import call, small
from helpers.ensembles import briefly_trained, encoded, write_predictor
from imbclf.data.listing import list_images
from imbclf.errors import UserError
from imbclf.prediction.export.verification import drawn_images
from imbclf.prediction.image_service import MAX_PIXELS, ImageService, file_from_text
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.training_statistics import write_training_statistics
from imbclf.tracking.mlflow_models import download_predictor
from imbclf.tracking.mlflow_registration import register
from imbclf.tracking.mlflow_store import embedded_uri

SIDE = 32
BAD = {
    "@@@": "base64",
    "": "empty file",
    base64.b64encode(b"GIF89a nothing").decode(): "not a readable image",
    base64.b64encode(b"hello").decode(): "not one of JPEG, PNG",
}


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A predictor with a reference of 300 images."""
    folder = tmp_path_factory.mktemp("served")
    make = partial(briefly_trained, "squeezenet1_1", SIDE)
    write_predictor(folder / "predictor", make, SIDE)
    images = drawn_images(300, (SIDE, SIDE), seed=1)
    (folder / "photos").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / "photos" / f"{number}.png")
    logits = Predictor.load(folder / "predictor").predict_pixels(images).logits
    names = {f"fold_{fold}": logits[:, fold] for fold in (0, 1)}
    listing = list_images(folder / "photos")
    write_training_statistics(folder / "predictor", listing, images, names)
    return folder / "predictor"


def test_files_are_labelled_as_their_pixels_are(predictor: Path) -> None:
    loaded = Predictor.load(predictor)
    images = drawn_images(5, (SIDE, SIDE), seed=2)
    answer, warnings = ImageService(loaded).answer(encoded(images))
    expected = loaded.predict_pixels(images)
    assert answer.scores.tolist() == expected.scores.tolist()
    assert answer.labels.tolist() == expected.labels.tolist()
    assert len(warnings) == 5
    # Other sizes are brought to that of the training, as imbclf-predict does.
    larger = Image.fromarray(images[0]).resize((50, 40))
    text = encoded(np.asarray(larger)[None])
    answer, warnings = ImageService(loaded).answer(text)
    resized = np.asarray(larger.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0))
    assert answer.scores.tolist() == loaded.predict_pixels(resized[None]).scores.tolist()
    assert warnings[0].startswith("size 40x50, in training 32x32")


@pytest.mark.parametrize(("text", "told"), [*BAD.items(), (None, "NoneType"), (3, "int")])
def test_what_is_no_image_is_refused_with_its_place(
    predictor: Path, text: object, told: str
) -> None:
    service = ImageService(Predictor.load(predictor))
    good = encoded(drawn_images(1, (SIDE, SIDE)))
    with pytest.raises(UserError, match="image 1: ") as caught:
        service.answer([*good, text])
    assert told in str(caught.value)
    assert not service.headers


def test_no_images_and_bombs_are_refused(predictor: Path) -> None:
    service = ImageService(Predictor.load(predictor))
    with pytest.raises(UserError, match="no images"):
        service.answer([])
    bomb = BytesIO()
    side = int(MAX_PIXELS**0.5) + 1
    Image.new("1", (side, side)).save(bomb, "PNG")
    with pytest.raises(UserError, match="an image may have 50,000,000"):
        service.answer([base64.b64encode(bomb.getvalue()).decode()])


def test_line_breaks_in_base64_are_passed_over() -> None:
    assert file_from_text("YW\nJj\r\n").getvalue() == b"abc"


def test_images_that_change_are_told_once_and_in_each_answer(
    predictor: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("imbclf"), "propagate", True)
    service = ImageService(Predictor.load(predictor))
    for seed in range(4):
        _, warnings = service.answer(encoded(drawn_images(10, (SIDE, SIDE), seed=50 + seed)))
    assert not any("last" in warning for warning in warnings)
    assert not caplog.records
    for seed in range(6):
        dark = drawn_images(10, (SIDE, SIDE), seed=80 + seed) // 3
        _, warnings = service.answer(encoded(dark))
    assert all(
        "last 100 images: the color distribution differs from training" in warning
        for warning in warnings
    )
    told = {id(record): record.getMessage() for record in caplog.records}.values()
    assert sum("possible data drift: the color" in line for line in told) == 1


@pytest.fixture(scope="module")
def store(predictor: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which the predictor is registered twice."""
    directory = tmp_path_factory.mktemp("store") / "mlflow"
    for alias in (None, "champion"):
        register(predictor, "faces", alias, "HTER .1", None, None, directory)
    return directory


@pytest.mark.slow
def test_versions_count_up_and_an_alias_names_the_last(store: Path, predictor: Path) -> None:
    client = mlflow.MlflowClient(embedded_uri(store))
    versions = {str(one.version) for one in client.search_model_versions("name='faces'")}
    assert versions == {"1", "2"}
    assert str(client.get_model_version_by_alias("faces", "champion").version) == "2"
    folder = download_predictor("models:/faces@champion", None, store)
    for file in predictor.iterdir():
        assert (folder / file.name).read_bytes() == file.read_bytes()
    assert not [*store.rglob("*.pkl")]


def test_a_name_that_the_registry_refuses_is_told(store: Path, predictor: Path) -> None:
    with pytest.raises(UserError, match="name=a/b"):
        register(predictor, "a/b", None, "", None, None, store)
    with pytest.raises(UserError, match=r"predictor\.json"):
        register(store, "faces", None, "", None, None, store)


def test_registering_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("register", "ckpt=nowhere", "name=faces") == 2
    assert "run=nowhere: expected a run directory" in capsys.readouterr().err
    assert call("register", "ckpt=nowhere") == 2
    assert "name is needed" in capsys.readouterr().err
    assert call("register", "ckpt=nowhere", "name=faces", "alais=x") == 2
    assert "did you mean alias?" in capsys.readouterr().err


def post(url: str, body: object, kind: str = "application/json") -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/invocations", data, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def server(store: Path) -> Iterator[str]:
    """The address of `mlflow models serve` on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": embedded_uri(store),
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "PYTHONPATH": str(Path(imbclf.__file__).parents[1]),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = ["mlflow", "models", "serve", "--env-manager", "local"]
    command += ["-m", "models:/faces@champion", "-p", str(port)]
    serving = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"{url}/ping", timeout=5):
                    break
            except OSError:
                assert serving.poll() is None, serving.communicate()[0]
                time.sleep(0.5)
        yield url
    finally:
        os.killpg(serving.pid, signal.SIGTERM)
        serving.communicate(timeout=30)


@pytest.mark.slow
def test_a_real_server_labels_files_and_gives_reasons(server: str, predictor: Path) -> None:
    images = drawn_images(3, (SIDE, SIDE), seed=2)
    for form in ("PNG", "JPEG"):
        texts = encoded(images, form)
        decoded = np.stack(
            [np.asarray(Image.open(BytesIO(base64.b64decode(text)))) for text in texts]
        )
        expected = Predictor.load(predictor).predict_pixels(decoded)
        forms: tuple[dict[str, object], ...] = (
            {"dataframe_records": [{"image": text} for text in texts]},
            {"dataframe_split": {"columns": ["image"], "data": [[text] for text in texts]}},
            {"inputs": {"image": texts}},
        )
        for body in forms:
            status, answer = post(server, body)
            assert status == 200
            rows = answer["predictions"]
            assert [row["label"] for row in rows] == expected.labels.tolist()
            probabilities = [row["p_good"] for row in rows]
            np.testing.assert_allclose(probabilities, expected.probabilities, atol=1e-6)

    def wrong(*images: object) -> dict[str, object]:
        return {"dataframe_records": [{"image": image} for image in images]}

    cases: list[tuple[object, str]] = [
        (b"{", "JSON"),
        ({"nothing": 1}, "dataframe_records"),
        ({"dataframe_records": [{"picture": "aGk="}]}, "missing inputs ['image']"),
        ({"dataframe_split": {"columns": ["image"], "data": []}}, "no images"),
        (wrong(encoded(images[:1])[0], "@@@"), "image 1: expected the bytes of an image"),
        *((wrong(text), told) for text, told in BAD.items()),
        (wrong(None), "NoneType"),
        (wrong(5), "int"),
        (wrong(["a"]), "list"),
    ]
    for wanting, told in cases:
        status, reason = post(server, wanting)
        assert 400 <= status < 500, (wanting, reason)
        assert told in reason, (wanting, reason)
    status, reason = post(server, b"\xff\xd8", "image/jpeg")
    assert status == 415
    assert "application/json" in reason
    assert post(server, wrong(*encoded(images)))[0] == 200  # it is alive


@pytest.mark.slow
def test_the_load_script_counts_answers_and_failures(
    server: str,
    predictor: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    photos, url = str(predictor.parent / "photos"), f"{server}/invocations"
    options = ["load.py", photos, "--url", url, "--seconds", "2", "--clients", "3"]
    monkeypatch.setattr(sys, "argv", options)
    load.main()
    told = capsys.readouterr().out
    assert "3 clients" in told
    assert "0 failed" in told
    monkeypatch.setattr(sys, "argv", [*options[:3], f"{server}/nowhere"])
    with pytest.raises(SystemExit, match="404"):
        load.main()


@pytest.mark.slow
def test_a_trained_run_is_registered_and_predicts_by_its_alias(
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = make_folder()
    monkeypatch.chdir(tmp_path)
    assert call("train", *small(folder, "hydra.run.dir=run", "trainer.max_epochs=1")) == 0
    assert (tmp_path / "run" / "predictor" / "reference.json").exists()
    capsys.readouterr()
    assert call("register", "ckpt=run", "name=faces", "alias=champion") == 0
    told = capsys.readouterr().out
    assert "faces version 1, champion" in told
    run_id = (tmp_path / "run" / "tracking_run").read_text()
    client = mlflow.MlflowClient(embedded_uri(tmp_path / "outputs" / "mlflow"))
    assert client.get_model_version_by_alias("faces", "champion").run_id == run_id
    for ckpt, out in (("run", "direct"), ("models:/faces@champion", "named")):
        data = f"data.dir={folder / 'val_img'}"
        assert call("predict", f"ckpt={ckpt}", data, f"out={out}") == 0
    one, other = ((tmp_path / out / "predictions.csv").read_bytes() for out in ("direct", "named"))
    assert one == other
    companion = json.loads((tmp_path / "named" / "predictions.json").read_text())
    assert companion["like_training"] is True
