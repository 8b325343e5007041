"""Every choice in the shipped YAML files composes; wrong options are rejected."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from omegaconf import OmegaConf

from imbclf.cli.compare import runs_as_option
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.config.hydra_overrides import to_hydra_override
from imbclf.cli.config.options import known_options
from imbclf.cli.config.validation import EXTRA_OPTIONS, check, drop_stale_options
from imbclf.cli.sweep import expand
from imbclf.errors import UserError
from imbclf.utils.text import did_you_mean

GROUPS = [
    *(option for option in known_options("train") if (conf_dir() / option).is_dir()),
    *("callbacks", "experiment", "logger"),
]
CHOICES = [
    (group, path.stem)
    for group in GROUPS
    for path in sorted((conf_dir() / group).rglob("*.yaml"))
    if not path.stem.startswith("_")
]
FOUNDING = {
    "resnet_bce",
    "resnet_weighted_bce_adam",
    "resnet_weighted_bce_sgd",
    "resnet_focal",
    "efficientnet_bce",
    "mobilenet_bce",
    "progressive_resnet",
}


@pytest.fixture(autouse=True)
def hydra() -> Iterator[None]:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield


def needed(group: str, choice: str) -> list[str]:
    extra = {"folder": ["data.dir=somewhere"], "torch": ["loss.name=SoftMarginLoss"]}
    extra["timm"] = ["model.name=resnet10t"]
    extra["crt"] = ["cv.start_from=somewhere"]
    return [f"{group}={choice}", *extra.get(choice, [])]


def test_every_yaml_is_covered() -> None:
    every = {path for path in conf_dir().rglob("*.yaml") if not path.stem.startswith("_")}
    primary = set(conf_dir().glob("*.yaml"))  # one for each command
    primary |= set((conf_dir() / "search").glob("*.yaml"))  # of imbclf-tune, with tests of its own
    primary |= set((conf_dir() / "decision").glob("*.yaml"))  # of several commands
    primary |= set((conf_dir() / "hydra").rglob("*.yaml"))  # launchers, the same
    assert len(CHOICES) == len(every - primary) >= 30


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_composes_and_passes_the_check(group: str, choice: str) -> None:
    cfg = compose("train", needed(group, choice))
    check(cfg, "train")
    if group in ("head", "loss", "sampler", "optim", "data", "augment"):
        instantiate(cfg[group], _convert_="all")


def test_founding_experiments_exist_and_change_only_what_their_name_says() -> None:
    assert {choice for group, choice in CHOICES if group == "experiment"} >= FOUNDING
    cfg = compose("train", ["experiment=resnet_weighted_bce_adam"])
    assert cfg.model.name == "resnet18"
    assert (cfg.loss.minority_weight, cfg.trainer.max_epochs) == (10, 20)
    assert (cfg.optim.lr, cfg.optim.weight_decay) == (1e-4, 1e-4)
    assert cfg.optim.optimizer._target_ == "torch.optim.Adam"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["++los=focal"], "did you mean loss?"),
        (["loss=focal", "++loss.gama=2"], "unknown option loss.gama; did you mean loss.gamma?"),
        (
            ["++optim.optimizer.betta=1"],
            "unknown option optim.optimizer.betta; did you mean optim.optimizer.betas?",
        ),
        (["+trainer.max_epoch=3"], "did you mean trainer.max_epochs?"),
        (["++model.head=linear"], "model.head is set by imbclf"),
        (["++trainer.plugins=x"], "trainer.plugins is set by imbclf"),
        (["++callbacks.early_stopping.patience=3"], "choose callbacks=NAME"),
        (["++cv.folds=five"], "cv.folds=five: expected a whole number"),
        (["++cv.folds=true"], "cv.folds=True: expected a whole number"),
        (["++data.batch_size=2.5"], "data.batch_size=2.5: expected a whole number"),
        (["data=folder"], "data.dir is needed"),
        (["++augment.mixupp=1"], "unknown option augment.mixupp; did you mean augment.mixup?"),
        (["++augment.seed=1"], "unknown option augment.seed"),
        (["++augment.cutout=1.5"], "augment.cutout=1.5: expected a whole number"),
        (["++loss._target_=no.such.Loss"], "no such class or function"),
    ],
)
def test_unknown_options_are_reported_with_the_nearest_name(
    overrides: list[str], expected: str
) -> None:
    with pytest.raises(UserError, match=expected.replace("?", r"\?")):
        check(compose("train", overrides), "train")


def test_several_mistakes_are_reported_together() -> None:
    cfg = compose("train", ["++model.nam=x", "++seedling=1"])
    with pytest.raises(UserError) as caught:
        check(cfg, "train")
    assert "seedling" in str(caught.value)
    cfg = compose("train", ["++model.nam=x", "++cv.fols=1"])
    with pytest.raises(UserError) as caught:
        check(cfg, "train")
    assert {"model.nam", "cv.fols"} <= set(str(caught.value).replace(";", " ").split())


def test_a_custom_target_replaces_the_former_one_and_its_options() -> None:
    overrides = ["loss=weighted_bce", "++loss._target_=torch.nn.BCEWithLogitsLoss"]
    cfg = compose("train", overrides)
    drop_stale_options(cfg, overrides)
    check(cfg, "train")
    assert set(cfg.loss) == {"_target_", "_partial_"}
    overrides = [*overrides, "++loss.minority_weight=3"]
    cfg = compose("train", overrides)
    drop_stale_options(cfg, overrides)
    with pytest.raises(UserError, match=r"unknown option loss\.minority_weight"):
        check(cfg, "train")


@pytest.mark.parametrize("written", ["import torch.nn as nn", "from torch import nn"])
def test_a_module_without_an_init_of_its_own_has_no_options(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"plain_{len(written)}"
    (tmp_path / f"{name}.py").write_text(
        f"{written}\n\n"
        "class Plain(nn.Module):\n"
        "    def forward(self, logits, targets):\n"
        "        return (logits - targets).square().mean()\n\n"
        "class Further(Plain):\n"
        "    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for target in (f"{name}.Plain", f"{name}.Further"):
        overrides = ["loss=weighted_bce", f"++loss._target_={target}"]
        cfg = compose("train", overrides)
        drop_stale_options(cfg, overrides)
        check(cfg, "train")
        assert set(cfg.loss) == {"_target_", "_partial_"}
        instantiate(cfg.loss)()
        overrides.append("++loss.gamma=2")
        with pytest.raises(UserError, match=r"unknown option loss\.gamma; known here: none"):
            check(compose("train", overrides), "train")


def test_lightning_options_pass_and_reach_the_trainer() -> None:
    cfg = compose("train", [to_hydra_override("trainer.gradient_clip_val=1.5")])
    check(cfg, "train")
    taken = {
        key: value for key, value in cfg.trainer.items() if key not in EXTRA_OPTIONS["trainer"]
    }
    trainer = instantiate(taken, precision=32, accelerator="cpu", logger=False)()
    assert trainer.gradient_clip_val == 1.5


@pytest.mark.parametrize("key", ["data.dir", "data.labels", "hydra.run.dir", "hydra.sweep.dir"])
@pytest.mark.parametrize(
    "written",
    [
        *("2026_11_27", "1e3", "20261127", "true", "False", "nan", "+5", "01", "1/2", "2026-11-27"),
        *(r"C:\new\table", "C:/faces/old", "C:", r"\\server\share\faces", r"D:\my faces (1)"),
        *("my run (1)", "it's", r"q\x (1)", r"q\x", r"q\'x (1)\\", "faces [2]", "a=b", "é"),
    ],
)
def test_a_path_is_passed_unchanged(key: str, written: str) -> None:
    cfg = compose("train", [to_hydra_override(f"{key}={written}")], return_hydra_config=True)
    assert OmegaConf.select(cfg, key) == written


def test_paths_in_lists_and_sweeps_are_passed_unchanged() -> None:
    cfg = compose(
        "predict",
        [to_hydra_override("run=[2026_11_27, runs/b,1e3]"), to_hydra_override("data.dir=null")],
    )
    assert (list(cfg.run), cfg.data.dir) == (["2026_11_27", "runs/b", "1e3"], None)
    for runs in (["2026_1", r"q\x", r"it's\\"], ["a b", r"a\'b"]):
        arguments = [to_hydra_override(one) for one in runs_as_option(runs)]
        assert list(compose("compare", arguments).run) == runs
    assert to_hydra_override("run=2026_11_27") == "++run='2026_11_27'"
    jobs = expand([to_hydra_override("data.dir=2026_1,2026_2"), to_hydra_override("seed=1_0")])
    assert [compose("train", job).data.dir for job in jobs] == ["2026_1", "2026_2"]
    assert compose("train", jobs[0]).seed == 10  # which is a number


def test_all_known_names_are_listed_where_none_is_close() -> None:
    assert did_you_mean("zzz", ["b", "a"]) == "; known here: a, b"


def test_sweeps_expand_as_hydra_runs_them() -> None:
    jobs = expand(["++optim.lr=1e-3,1e-2", "loss=bce,focal", "seed=1"])
    assert len(jobs) == 4
    assert jobs[0] == ["++optim.lr=1e-3", "loss=bce", "seed=1"] or "optim.lr" in jobs[0][0]


def test_a_sweep_over_a_pattern_is_one_over_the_choices_that_match() -> None:
    loader = GlobalHydra.instance().config_loader()
    assert expand(["loss=glob(b*)"], loader) == [["loss=bce"]]
    jobs = expand(["loss=glob([c*,b*],exclude=class*)", "seed=1,2"], loader)
    assert [job for job in jobs if "seed=1" in job] == [
        ["loss=bce", "seed=1"],
        ["loss=cdt", "seed=1"],
    ]
    with pytest.raises(UserError, match=r"loss=glob\(zz\*\): expected a choice, and nothing"):
        expand(["loss=glob(zz*)"], loader)


def test_groups_hold_few_lines_and_no_library_defaults() -> None:
    for group, choice in CHOICES:
        if group in ("model", "head", "loss", "sampler", "optim"):
            lines = (conf_dir() / group / f"{choice}.yaml").read_text().splitlines()
            assert len(lines) <= 8, (group, choice)


def test_the_tab_key_completes_choices_and_options(tmp_path: Path) -> None:
    typed = {"loss=foc": "loss=focal", "optim.weight_d": "optim.weight_decay="}
    for beginning, whole in typed.items():
        line = f"imbclf-train {beginning}"
        done = subprocess.run(
            [Path(sys.executable).with_name("imbclf-train"), "-sc", "query=bash"],
            env={**os.environ, "COMP_LINE": line, "COMP_POINT": str(len(line))},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == [whole]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--cfg", "job"], ["los=focal"], ["model=resnet19"]]
)
def test_quick_answers_import_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import sys, atexit\n"
        f"sys.argv = ['imbclf-train', *{arguments}]\n"
        "atexit.register(lambda: print('HEAVY', sorted({'torch', 'lightning', 'mlflow', 'sklearn',"
        " 'torchvision', 'pandas'} & set(sys.modules))))\n"
        "from imbclf.cli.train import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert "HEAVY []" in done.stdout
    assert done.returncode == (2 if "=" in arguments[0] else 0)
    assert "Traceback" not in done.stderr
