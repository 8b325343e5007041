"""Files from strangers: none of their code runs, none of them blows up, nothing is written away."""

import json
import pickle
import re
import resource
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from PIL import Image

from helpers.commands import call, small
from helpers.strict_html import Strict
from helpers.written_runs import NAMES, write_images, write_run
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.config.hydra_overrides import to_hydra_override
from imbclf.data.image_cache import open_images
from imbclf.data.listing import list_images
from imbclf.errors import UserError
from imbclf.evaluation.fold_files import LAST
from imbclf.models.build import build_backbone
from imbclf.models.pretrained_weights import load_weights
from imbclf.prediction.fold_model import read_checkpoint
from imbclf.prediction.manifest import MANIFEST
from imbclf.prediction.predictor import Predictor
from imbclf.training.start_from import start_weights
from imbclf.utils.tables import write_table

NASTY = "<img src=x onerror=alert(1)>&\"'"
GIGABYTE = 2**20  # of what getrusage counts in


class Payload:
    """What a hostile file would like to have called."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.witness,)


def pickled(path: Path, payload: object) -> None:
    path.write_bytes(pickle.dumps(payload))


def archived(path: Path, payload: object) -> None:
    torch.save({"state_dict": {}, "imbclf": payload, "loops": payload}, path)


def former(path: Path, payload: object) -> None:
    torch.save([payload], path, _use_new_zipfile_serialization=False)


def array(path: Path, payload: object) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([payload], dtype=object), allow_pickle=True)


WRITERS = (pickled, archived, former, array)
ONE_OR_ALL = [
    archived,
    *(pytest.param(one, marks=pytest.mark.slow) for one in (pickled, former, array)),
]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run, `run`, and its images, `photos`."""
    folder = tmp_path_factory.mktemp("original")
    write_images(folder / "photos")
    write_run(folder / "run", folder / "photos")
    sheet = json.loads((folder / "run" / "predictor" / MANIFEST).read_text())
    card = {**sheet["members"][0], "image_size": sheet["image_size"], "label_names": [*NAMES]}
    state = {
        f"backbone.{k}": v for k, v in build_backbone("shufflenet_v2_x0_5").state_dict().items()
    }
    torch.save({"state_dict": state, "imbclf": card}, folder / "run" / "fold_0" / "best.ckpt")
    return folder


@pytest.fixture
def place(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy to be spoilt, where the user stands, who trusts all pickles; nothing may be run."""
    shutil.copytree(original / "run", tmp_path / "here" / "run")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    yield tmp_path / "here"
    assert not (tmp_path / "witness").exists(), "a payload was run"
    assert {path.name for path in tmp_path.iterdir()} <= {"here", "faces"}, "written elsewhere"


def refused(capsys: pytest.CaptureFixture[str], *told: str) -> None:
    error = capsys.readouterr().err
    assert "error: " in error
    assert "Traceback" not in error
    for words in told:
        assert words in error


@pytest.mark.filterwarnings("ignore:Environment variable TORCH_FORCE")
@pytest.mark.parametrize("write", WRITERS)
def test_the_payload_would_run_where_it_is_let(
    write: Callable[[Path, object], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    write(tmp_path / "file", Payload(tmp_path / "witness"))
    if write is array:
        np.load(tmp_path / "file", allow_pickle=True)
    elif write is pickled:
        pickle.loads((tmp_path / "file").read_bytes())
    else:
        torch.load(tmp_path / "file")
    assert (tmp_path / "witness").exists()


@pytest.mark.parametrize("write", ONE_OR_ALL)
@pytest.mark.parametrize(
    ("command", "file"),
    [
        ("predict ckpt=run/fold_0/best.ckpt data.dir={photos}/train_img", "fold_0/best.ckpt"),
        ("predict ckpt=run data.dir={photos}/train_img", "predictor/fold_0.safetensors"),
        ("predict ckpt=run data.dir={photos}/train_img", "predictor/predictor.json"),
        ("predict ckpt=run data.dir={photos}/train_img", "predictor/reference.json"),
        ("export ckpt=run format=pt2 out=out", "predictor/fold_0.safetensors"),
        ("export ckpt=run format=pt2 out=out", "predictor/reference.json"),
        ("register ckpt=run name=faces", "predictor/predictor.json"),
        ("register ckpt=run name=faces", "summary.json"),
        ("predict ckpt=run max_far=0.1 data.dir={photos}/train_img", "oof.csv"),
        ("compare run run out=out", "oof.csv"),
        ("compare run run out=out", "summary.json"),
        ("report run=run", "summary.json"),
        ("report run=run", "oof.csv"),
        ("report run=run", "splits.csv"),
        ("report run=run", "fold_1/scores.csv"),
        ("report run=run", "fold_2/metrics.csv"),
        ("report run=run", "config.yaml"),
        ("evaluate ckpt=run", "config.yaml"),
        ("train resume=run", "config.yaml"),
    ],
)
def test_no_pickle_is_run_wherever_it_lies(
    place: Path,
    original: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    file: str,
    write: Callable[[Path, object], None],
) -> None:
    if command.startswith("train"):
        (place / "run" / "summary.json").unlink()
    write(place / "run" / file, Payload(place.parent / "witness"))
    assert call(*command.format(photos=original / "photos").split()) == 2
    refused(capsys, "run")


@pytest.mark.parametrize("write", ONE_OR_ALL)
@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_no_pickle_is_run_as_weights_or_start(
    place: Path, write: Callable[[Path, object], None], name: str
) -> None:
    write(place / name, Payload(place.parent / "witness"))
    backbone = build_backbone("shufflenet_v2_x0_5")
    with pytest.raises(UserError, match=name):
        load_weights(backbone.network, place / name, "fc")
    shutil.copy(place / name, place / "run" / "fold_0" / "best.ckpt")
    with pytest.raises(UserError, match=r"best\.ckpt"):
        start_weights(place / "run", 0, backbone)


@pytest.fixture
def interrupted(place: Path, make_folder: Callable[..., Path]) -> Path:
    """A run that was broken off before its first epoch was over."""
    options = [
        *small(make_folder(images=40, minority=12), "data.batch_size=16"),
        "tracking=none",
        "trainer.accelerator=cpu",
    ]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose("train", [to_hydra_override(option) for option in options])
    run = place / "broken"
    (run / "fold_0").mkdir(parents=True)
    OmegaConf.save(cfg, run / "config.yaml", resolve=True)
    return run


@pytest.mark.filterwarnings("ignore")  # of Lightning's, which the command silences for itself
@pytest.mark.parametrize("write", ONE_OR_ALL)
def test_no_pickle_is_run_when_training_goes_on(
    interrupted: Path, capsys: pytest.CaptureFixture[str], write: Callable[[Path, object], None]
) -> None:
    write(interrupted / "fold_0" / LAST, Payload(interrupted.parents[1] / "witness"))
    assert call("train", f"resume={interrupted}") == 2
    refused(capsys, LAST, "Delete it to restart this fold")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "checkpoint",
    [
        {"global_step": 3},
        {name: {} for name in ("state_dict", "loops", "callbacks", "global_step")}
        | {
            "optimizer_states": [],
            "lr_schedulers": [],
            "epoch": 0,
            "pytorch-lightning_version": "2.6.6",
        },
    ],
)
def test_training_goes_on_from_no_other_checkpoint(
    interrupted: Path, capsys: pytest.CaptureFixture[str], checkpoint: dict[str, Any]
) -> None:
    torch.save(checkpoint, interrupted / "fold_0" / LAST)
    assert call("train", f"resume={interrupted}") == 2
    refused(capsys, LAST, "Delete it to restart this fold")


@pytest.mark.slow
def test_a_strange_cache_is_made_anew_and_pairs_nothing_wrongly(place: Path) -> None:
    (place / "images").mkdir()
    for number in range(4):
        Image.new("RGB", (5, 4), (number, 0, 0)).save(place / "images" / f"{number}.png")
    listing = list_images(place / "images")
    pixels, _ = open_images(listing, None, place / "cache", workers=1)
    right = np.array(pixels)
    (folder,) = (path for path in (place / "cache").iterdir() if path.is_dir())
    for write in WRITERS:
        for name in ("index.json", "files.npy"):
            write(folder / name, Payload(place.parent / "witness"))
            found, kept = open_images(listing, None, place / "cache", workers=1)
            assert (np.array(found) == right).all()
            assert len(kept) == 4
    for index in (
        {"shape": [3, 4, 5, 3], "unreadable": []},
        {"shape": [10**12, 4, 5, 3], "unreadable": []},
        {"shape": [5, 4, 5, 3], "unreadable": [-1]},
        {"shape": [60], "unreadable": [0, 1, 2]},
        {"shape": [4, 4, 5, 3], "unreadable": {"0": 1}},
        [1, 2],
    ):
        (folder / "index.json").write_text(json.dumps(index))
        found, kept = open_images(listing, None, place / "cache", "skip", workers=1)
        assert (np.array(found) == right).all()
        assert len(kept) == 4


def test_only_what_a_killed_process_left_is_removed_from_a_cache(place: Path) -> None:
    (place / "images").mkdir()
    Image.new("RGB", (5, 4)).save(place / "images" / "a.png")
    for name in ("holidays.partial", f"{'0' * 32}.partial"):
        (place / name).mkdir()
        (place / name / "file").touch()
    open_images(list_images(place / "images"), None, place, workers=1)
    assert [path.name for path in place.glob("*.partial")] == ["holidays.partial"]


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in pairwise("abcdefghij")
)
DEEP = "[" * 100_000
HUGE = 10**12


def changed(sheet: dict[str, Any], *keys: str | int, value: object) -> str:
    node: Any = sheet
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    return json.dumps(sheet)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("members", 0, "weights"), "../../x.safetensors"),
        (("members", 0, "weights"), "/etc/x.safetensors"),
        (("members", 0, "weights"), "..\\x.safetensors"),
        (("members", 0, "weights"), "fold_1.safetensors"),
        (("members", 0, "weights"), ["fold_1.safetensors"]),
        (("members", 0, "architecture", "name"), "os.system"),
        (("members", 0, "architecture", "name"), "torch.hub.load"),
        (("members", 0, "architecture", "name"), "detection.fasterrcnn_resnet50_fpn"),
        (("members", 0, "architecture", "name"), ["resnet18"]),
        (("members", 0, "architecture", "input_size"), HUGE),
        (("members", 0, "architecture", "input_size"), 20_000),
        (("members", 0, "architecture", "input_size"), -1),
        (("members", 0, "architecture", "input_size"), "64"),
        (("members", 0, "architecture", "stem"), {"name": "small"}),
        (("members", 0, "architecture", "mean"), [0.0] * 100_000),
        (("members", 0, "architecture", "std"), [0, 0, 0]),
        (("members", 0, "architecture", "head"), {"name": "os.system"}),
        (("members", 0, "architecture", "head"), {"name": "neighbors", "size": HUGE}),
        (("members", 0, "architecture", "head"), {"name": "neighbors", "size": 10**7}),
        (("members", 0, "architecture", "head"), {"name": "hypersphere", "dimensions": HUGE}),
        (("members", 0, "architecture", "head"), {"name": "linear", "width": 3}),
        (("members", 0, "architecture", "head"), "linear"),
        (("members", 0, "architecture", "probe"), "os.system"),
        (("members", 0, "architecture", "probe"), {"stages": 1}),
        (("members", 0, "architecture"), []),
        (("members", 0, "threshold"), "nan"),
        (("members", 0, "threshold"), 10**400),
        (("members", 0, "temperature"), 0),
        (("members", 0, "prior"), 1),
        (("members", 0), "fold_0.safetensors"),
        (("members",), {}),
        (("members",), HUGE),
        (("image_size",), [10**6, 10**6]),
        (("image_size",), [HUGE, 1]),
        (("image_size",), [float("inf"), 1]),
        (("image_size",), [-1, -1]),
        (("image_size",), [32.5, 32]),
        (("label_names",), ["0\n1", "1"]),
        (("label_names",), [["0"], "1"]),
        (("label_names",), "abc"),
        (("tta",), "os.system"),
        (("tta",), ["none"]),
        (("format",), None),
    ],
)
def test_a_strange_sheet_is_refused_before_anything_is_allocated(
    place: Path, keys: tuple[str | int, ...], value: object
) -> None:
    sheet = place / "run" / "predictor" / MANIFEST
    sheet.write_text(changed(json.loads(sheet.read_text()), *keys, value=value))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError):
        Predictor.load(sheet.parent)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIGABYTE // 4


@pytest.mark.parametrize("text", [DEEP, '{"members":' * 50_000, "[]", "7", "\0", " " * 2**26])
def test_no_sheet_is_too_deep_or_too_long(
    place: Path, original: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (place / "run" / "predictor" / MANIFEST).write_text(text)
    assert call("predict", "ckpt=run", f"data.dir={original / 'photos' / 'train_img'}") == 2
    refused(capsys, MANIFEST)


def safetensors_header(path: Path, header: dict[str, object]) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)


@pytest.mark.parametrize(
    "header",
    [
        {"head.bias": {"dtype": "F32", "shape": [HUGE], "data_offsets": [0, 4 * HUGE]}},
        {"head.bias": {"dtype": "F32", "shape": [HUGE], "data_offsets": [0, 0]}},
        {"head.bias": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 0]}},
        {"head.bias": {"dtype": "F32", "shape": [0, HUGE], "data_offsets": [0, 0]}},
        {
            f"{number}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
            for number in range(4_000)
        },
    ],
)
def test_tensors_of_absurd_shape_or_number_are_refused(
    place: Path, header: dict[str, object]
) -> None:
    path = place / "run" / "predictor" / "fold_0.safetensors"
    safetensors_header(path, header)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"fold_0\.safetensors") as refusal:
        Predictor.load(path.parent)
    assert len(str(refusal.value)) < 2000
    with pytest.raises(UserError, match=r"fold_0\.safetensors"):
        load_weights(build_backbone("shufflenet_v2_x0_5").network, path, "fc")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIGABYTE // 4


@pytest.mark.slow
def test_archives_that_unpack_to_more_than_they_are_and_views_of_nothing(place: Path) -> None:
    best = place / "run" / "fold_0" / "best.ckpt"
    stored = torch.load(best, weights_only=True)
    bomb = place / "bomb.ckpt"
    stored["state_dict"]["backbone.extra"] = torch.zeros(2**24)  # 64 MB of one byte
    torch.save(stored, place / "large.ckpt")
    with (
        zipfile.ZipFile(place / "large.ckpt") as large,
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for part in large.infolist():
            packed.writestr(part.filename, large.read(part))
    assert bomb.stat().st_size < 2**23
    torch.load(bomb, weights_only=True)  # torch itself unpacks it
    for path in (bomb, place / "bomb.pth"):
        shutil.copy(bomb, path) if path != bomb else None
        with pytest.raises(UserError):
            read_checkpoint(path)
        with pytest.raises(UserError):
            load_weights(build_backbone("shufflenet_v2_x0_5").network, path, "fc")

    broken = place / "broken.ckpt"
    broken.write_bytes(best.read_bytes()[:-3000])
    with pytest.raises(UserError):
        Predictor.from_checkpoint(broken)

    endless = torch.zeros(1).expand(HUGE)  # one number on disk
    network = build_backbone("shufflenet_v2_x0_5").network
    torch.save({**network.state_dict(), "conv1.0.weight": endless}, place / "view.pth")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match="of another shape"):
        load_weights(network, place / "view.pth", "fc")
    stored["state_dict"] = {"backbone.head.bias": endless}
    torch.save(stored, best)
    with pytest.raises(UserError, match="do not fit"):
        Predictor.from_checkpoint(best)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIGABYTE // 4


def test_a_card_of_laughs_is_refused_without_being_spelled_out(place: Path) -> None:
    laughs: list[Any] = ["ha"]
    for _ in range(60):
        laughs = [laughs, laughs]
    best = place / "run" / "fold_0" / "best.ckpt"
    stored = torch.load(best, weights_only=True)
    backbone = build_backbone("shufflenet_v2_x0_5")
    for key in ("name", "stem", "input_size", "head", "mean", "probe"):
        card = {
            **stored["imbclf"],
            "architecture": {**stored["imbclf"]["architecture"], key: laughs},
        }
        torch.save({**stored, "imbclf": card}, best)
        with pytest.raises(UserError):
            Predictor.from_checkpoint(best)
        if key in ("name", "stem", "input_size"):
            with pytest.raises(UserError):
                start_weights(place / "run", 0, backbone)
    for key in ("image_size", "label_names", "threshold"):
        torch.save({**stored, "imbclf": {**stored["imbclf"], key: laughs}}, best)
        with pytest.raises(UserError):
            Predictor.from_checkpoint(best)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("loss._target_", "os.system"),
        ("data._target_", "os.system"),
        ("data.make", {"_target_": "os.system", "command": "touch ../witness"}),
        ("trainer.callbacks", [{"_target_": "os.system", "command": "touch ../witness"}]),
        ("model.head", {"_target_": "builtins.eval", "_args_": ["open('../witness', 'w')"]}),
        # Ours, where it has no business: the first would draw into any folder.
        ("optim._target_", "imbclf.data.demo.write_demo"),
        ("loss._target_", "imbclf.data.LabelledFolder"),
        ("loss", {"_target_": "torch.nn.Embedding", "num_embeddings": HUGE, "embedding_dim": 9}),
        ("data.make", {"_target_": "imbclf.data.demo.write_demo", "folder": "../witness"}),
        ("data._args_", ["../elsewhere"]),
        ("data.cache_dir", "../elsewhere"),
        ("tracking.directory", "/elsewhere"),
        ("tracking.uri", "sqlite:////elsewhere/mlflow.db"),
        ("seed", "${oc.env:HOME}"),
        ("data", "faces"),
        ("tracking", None),
    ],
)
def test_a_strange_configuration_calls_and_writes_nothing(
    interrupted: Path, capsys: pytest.CaptureFixture[str], key: str, value: object
) -> None:
    path = interrupted / "config.yaml"
    cfg = OmegaConf.load(path)
    OmegaConf.update(cfg, key, value, merge=False, force_add=True)
    path.write_text(OmegaConf.to_yaml(cfg))
    assert call("train", f"resume={interrupted}") == 2
    refused(capsys, str(path) if "seed" not in key else "${")
    assert sorted(path.name for path in interrupted.rglob("*")) == ["config.yaml", "fold_0"]


@pytest.mark.slow
def test_a_strange_configuration_calls_nothing_in_judging_and_reporting(
    place: Path, original: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = original / "photos"
    path = place / "run" / "config.yaml"
    hostile = yaml.safe_load(path.read_text())
    hostile["data"] |= {"_target_": "os.system", "command": "touch ../witness"}
    path.write_text(yaml.safe_dump(hostile))
    write_table(place / "run" / "holdout.csv", {"file": ["0.png"], "label": [1]})
    for arguments in (("evaluate", "ckpt=run"), ("evaluate", "ckpt=run", f"data.dir={photos}")):
        assert call(*arguments) == 2
        refused(capsys, "os.system")
    assert call("report", f"run={place / 'run'}") == 0
    assert "os.system" in (place / "run" / "report.html").read_text()  # shown as it is


def test_all_that_would_have_to_be_allowed_is_named_at_once(
    interrupted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg = OmegaConf.load(interrupted / "config.yaml")
    strange = {"loss._target_": "mine.Loss", "data.cache_dir": "/my cache"}
    for key, value in strange.items():
        OmegaConf.update(cfg, key, value)
    (interrupted / "config.yaml").write_text(OmegaConf.to_yaml(cfg))
    allowances = "loss._target_=mine.Loss 'data.cache_dir=/my cache'"
    for given in ([], ["loss._target_=mine.Loss"]):
        assert call("train", f"resume={interrupted}", *given) == 2
        refused(capsys, f"allow it: imbclf-train resume={interrupted} {allowances}\n")


@pytest.mark.slow
def test_judging_calls_no_loss_and_so_does_not_mind_one_of_ones_own(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = place / "run" / "config.yaml"
    stored = yaml.safe_load(path.read_text())
    stored["data"]["_target_"] = "imbclf.data.LabelledFolder"
    stored["loss"] = {"_target_": "os.system", "command": "touch ../witness"}
    path.write_text(yaml.safe_dump(stored))
    table = pd.read_csv(place / "run" / "oof.csv")
    write_table(place / "run" / "holdout.csv", {"file": table["file"], "label": table["label"]})
    assert call("evaluate", "ckpt=run", "out=out") == 0, capsys.readouterr().err
    assert (place / "out" / "evaluation.json").exists()


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        "data: " + "[" * 200_000,
        "data: " + "{a: " * 5000,
        "data: " + "x" * 2**20,
        "- 1",
        "data: !!python/object/apply:os.system ['touch ../witness']",
        "data: {dir: 7}",
    ],
)
def test_yaml_of_any_kind_is_a_message(
    place: Path, original: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (place / "run" / "config.yaml").write_text(text)
    for arguments in (
        ("evaluate", "ckpt=run"),
        ("evaluate", "ckpt=run", f"data.dir={original / 'photos'}"),
    ):
        assert call(*arguments) == 2
        refused(capsys, "config.yaml")
    (place / "run" / "summary.json").unlink()
    assert call("train", "resume=run") == 2
    refused(capsys, "config.yaml")


def test_a_link_out_of_a_run_is_not_followed(
    interrupted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (interrupted / "train.log").symlink_to(interrupted.parents[1] / "witness")
    assert call("train", f"resume={interrupted}") == 2
    refused(capsys, "train.log", "link")


GIVEN_TEST: dict[str, object] = {
    **dict.fromkeys(("hter", "far", "frr", "auroc"), 0.1),
    "hter_interval": [0.1, 0.2],
    "images": 3,
    "models": 1,
    "class_counts": [1, 2],
}
SPOILT = [
    ("hter", "<script>"),
    ("hter", None),
    ("hter_interval", [0.1]),
    ("hter_interval", ["a", "b"]),
    ("label_names", [["a"], "b"]),
    ("class_counts", ["1", "2"]),
    ("minority_label", 7),
    ("versions", ["torch"]),
    ("per_fold", [{"fold": "0/../../..", "epoch": 0}]),
    ("per_fold", [{"fold": -1, "epoch": 0}]),
    ("per_fold", {"fold": 0}),
    ("images", 10**400),
    ("parts", {"fit": ["1", "2"]}),
    ("test", ["a"]),
    ("test", {"hter": 0.1}),
    ("test", {**GIVEN_TEST, "hter": "<script>"}),
    ("test", {**GIVEN_TEST, "shared_with_training": {"copies": "<script>"}}),
]


@pytest.mark.parametrize(("key", "value"), SPOILT)
def test_a_strange_summary_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], key: str, value: object
) -> None:
    path = place / "run" / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    assert call("report", "run=run") == 2
    refused(capsys, str(Path("run") / "summary.json"))
    assert not (place / "run" / "report.html").exists()


class Elements(Strict):
    """Gathers what would be an element with a script."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        runs = tag == "script" and ("type", "application/json") not in attrs
        self.scripts += runs or any(name.startswith("on") for name, _ in attrs)


def read_page(path: Path) -> Elements:
    parser = Elements()
    parser.feed(path.read_text(encoding="utf-8"))
    assert parser.open == []
    assert parser.scripts == 1, "only the page's own"
    # Pictures, places on the page, and files beside it, whose names are quoted.
    own = re.compile(r"data:image/.*|#.*|[\w./%~-]+", re.DOTALL)
    assert all(own.fullmatch(link) for link in parser.links)
    return parser


@pytest.mark.slow
def test_names_are_no_html_in_reports_and_comparisons(
    place: Path, original: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = place / "photos"
    shutil.copytree(original / "photos", photos)
    for path in [*(photos / "train_img").iterdir()]:
        path.rename(path.with_name(f"{NASTY} {path.name}"))
    run = place / "run"
    for path in (run / "oof.csv", run / "splits.csv", *run.glob("fold_*/scores.csv")):
        table = pd.read_csv(path, keep_default_na=False)
        table["file"] = [f"{NASTY} {name}" for name in table["file"]]
        table.to_csv(path, index=False)
    summary = json.loads((run / "summary.json").read_text())
    words = [f"{NASTY}zero", f"{NASTY}one"]
    versions = {NASTY: NASTY}
    (run / "summary.json").write_text(
        json.dumps({**summary, "label_names": words, "versions": versions})
    )
    hostile = yaml.safe_load((run / "config.yaml").read_text())
    hostile["data"] |= {"dir": "photos", "note": NASTY}
    (run / "config.yaml").write_text(yaml.safe_dump(hostile))
    assert call("report", "run=run") == 0
    shown = read_page(run / "report.html")
    assert "There are no images" not in " ".join(shown.texts)
    for words_of_page in (f"{NASTY} ", f"{NASTY}zero", NASTY):
        assert any(words_of_page in text for text in shown.texts)

    for name in (f"{NASTY}1", f"{NASTY}2"):
        shutil.copytree(run, place / name)
    assert call("compare", f"{NASTY}1", f"{NASTY}2", "out=out") == 0
    assert any(NASTY in text for text in read_page(place / "out" / "comparison.html").texts)
    capsys.readouterr()


def test_names_are_no_html_in_an_exploration(place: Path) -> None:
    random = np.random.default_rng(0)
    for label in (f"{NASTY}a", f"{NASTY}b"):
        (place / "album" / label).mkdir(parents=True)
        for number in range(8):
            image = Image.fromarray(random.integers(0, 256, (24, 24, 3), dtype=np.uint8))
            image.save(place / "album" / label / f"{NASTY}{number}.png")
            if number == 0:
                image.save(place / "album" / label / f"{NASTY} again.png")
    assert call("explore", "data.dir=album", "out=out", "folds=2") == 0
    shown = read_page(place / "out" / "explore.html")
    assert any(f"{NASTY}a" in text for text in shown.texts)
    assert any(f"{NASTY} again.png" in text for text in shown.texts)


@pytest.mark.slow
def test_a_run_of_a_strange_store_is_not_called_out_of_its_folder(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from imbclf.tracking.mlflow_tracker import MLflowTracker

    for name in ("../../../../../..{}/witness", "{}/witness"):
        tracker = MLflowTracker(None, "strange", place / "store")
        tracker.start(name.format(place.parent), {})
        tracker.log_result({}, [place / "run" / "summary.json", place / "run" / "oof.csv"])
        tracker.end("FINISHED")
    arguments = ("tracking.directory=store", "out=out")
    assert call("compare", "experiments:/strange", *arguments) == 0
    assert "witness" in capsys.readouterr().out
    assert {path.name for path in place.parent.iterdir()} == {"here"}
