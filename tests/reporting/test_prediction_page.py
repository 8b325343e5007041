"""The page of predictions."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from helpers.ensembles import briefly_trained, write_predictor
from helpers.strict_html import Strict
from imbclf.data.listing import list_images
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.export.verification import drawn_images
from imbclf.prediction.predict_folder import FolderPredictions, predict_folder
from imbclf.prediction.predictor import Predictor
from imbclf.reporting.prediction_images import (
    LARGEST,
    choose_images,
    detailed_images,
    heat_maps,
)
from imbclf.reporting.prediction_page import Origin, write_prediction_page

SIDE, CPU = 32, torch.device("cpu")
ORIGIN = Origin("runs/<a>", "photos & more", "imbclf-predict 'runs/<a>' 'photos & more' html=true")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    write_predictor(folder / "run", partial(briefly_trained, "squeezenet1_1", SIDE), SIDE)
    (folder / "photos").mkdir()
    for number, image in enumerate(drawn_images(12, (SIDE, SIDE), seed=1)):
        name = "<b>.png" if number == 3 else f"{number}.png"
        Image.fromarray(image).resize((900, 700)).save(folder / "photos" / name)
    return folder


def predict(place: Path) -> tuple[FolderPredictions, NDArray[np.uint8], Predictor]:
    predictor, listing = Predictor.load(place / "run"), list_images(place / "photos")
    pixels = np.stack(
        [
            np.asarray(Image.open(place / "photos" / name).resize((SIDE, SIDE)))
            for name in listing.files
        ]
    )
    images = pixels, listing
    return predict_folder(predictor, images, DecisionOptions(), 0.0, CPU), pixels, predictor


def test_the_doubtful_come_first_and_others_are_of_every_certainty() -> None:
    rng = np.random.default_rng(0)
    margins = rng.normal(0.5, 2, 1000)
    decisions = (margins >= 0).astype(np.int64)
    choice = choose_images(margins, decisions, doubtful=30, each=20)
    sizes = np.abs(margins)
    assert choice.doubtful.tolist() == np.argsort(sizes)[:30].tolist()
    assert len(np.unique(choice.rows)) == 70
    for label, (rows, left) in enumerate(zip(choice.others, choice.left, strict=True)):
        rest = np.setdiff1d(np.flatnonzero(decisions == label), choice.doubtful)
        assert (decisions[rows] == label).all()
        assert (len(rows), left) == (20, len(rest))
        assert (np.diff(sizes[rows]) >= 0).all()
        # Evenly from the most doubtful of the rest to the surest.
        ranks = np.searchsorted(np.sort(sizes[rest]), sizes[rows])
        assert (ranks[0], ranks[-1]) == (0, len(rest) - 1)
        assert np.ptp(np.diff(ranks)) <= 1
    few = choose_images(margins[:5], decisions[:5])
    assert (sorted(few.rows.tolist()), few.left) == ([0, 1, 2, 3, 4], (0, 0))


def test_the_page_shows_what_was_decided_and_by_which_rule(place: Path, tmp_path: Path) -> None:
    found, pixels, predictor = predict(place)
    named = replace(found, warnings=["size 700x900, in training <32x32>", *found.warnings[1:]])
    write_prediction_page(tmp_path / "p.html", named, pixels, predictor, ORIGIN)
    html = (tmp_path / "p.html").read_text()
    parser = Strict()
    parser.feed(html)
    assert not parser.open
    assert all(link.startswith(("data:", "#")) for link in parser.links)  # nothing from elsewhere
    assert "<title>Predictions for photos &amp; more</title>" in html
    assert "runs/&lt;a&gt; (2 x squeezenet1_1)" in html
    assert "P(bad) about" in html
    for name, (count, _) in zip(predictor.label_names, found.below_half, strict=True):
        assert f"{count} labeled {name} ({count / 12:.1%})" in html
    shown = re.findall(r'<figure title="([^"]*)">.*?<br>(\w+), P ([\d.]+)', html)
    order = np.argsort(np.abs(found.answer.scores))
    files = [
        str(found.listing.files[row]).replace("<", "&lt;").replace(">", "&gt;") for row in order
    ]
    assert [name for name, *_ in shown] == files
    for (_, label, probability), row in zip(shown, order, strict=True):
        assert label == found.answer.labels[row]
        assert float(probability) == pytest.approx(1 - found.answer.probabilities[row], abs=0.006)
    assert html.count("in training &lt;32x32&gt;") >= 2  # in the caption and in the table
    assert 'class="heat"' not in html
    assert "are not shown" not in html


def test_images_are_shown_as_large_as_they_help(place: Path) -> None:
    found, pixels, predictor = predict(place)
    shown = detailed_images(predictor, found.listing, pixels, [0, 5])
    assert [image.shape for image in shown] == [(467, LARGEST, 3)] * 2
    gone = replace(found.listing, root=place / "nowhere")
    assert detailed_images(predictor, gone, pixels, [2])[0].tolist() == pixels[2].tolist()
    padded = replace(predictor, pixel_options=replace(predictor.pixel_options, fit="pad"))
    assert detailed_images(padded, found.listing, pixels, [2])[0].tolist() == pixels[2].tolist()


def test_heat_maps_are_of_the_whole_ensemble(place: Path, tmp_path: Path) -> None:
    found, pixels, predictor = predict(place)
    both = heat_maps(predictor, pixels, [1], CPU)[0]
    alone = replace(predictor, fold_models=predictor.fold_models[:1])
    assert both.shape == (SIDE, SIDE)
    assert not np.allclose(both, heat_maps(alone, pixels, [1], CPU)[0])
    twice = replace(alone, fold_models=alone.fold_models * 2)
    np.testing.assert_allclose(
        heat_maps(twice, pixels, [1], CPU)[0], heat_maps(alone, pixels, [1], CPU)[0], atol=1e-4
    )
    some = replace(found, listing=found.listing.take(np.arange(2)), warnings=["", ""])
    some = replace(
        some,
        answer=replace(
            found.answer,
            **{
                name: getattr(found.answer, name)[:2]
                for name in ("scores", "probabilities", "decisions", "labels", "logits")
            },
        ),
    )
    write_prediction_page(tmp_path / "p.html", some, pixels[:2], predictor, ORIGIN, CPU)
    html = (tmp_path / "p.html").read_text()
    assert html.count('class="heat"') == 2
    assert 'id="heat"' in html
