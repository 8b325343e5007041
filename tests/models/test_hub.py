"""Weights of the hub where nothing answers."""

import socket
from pathlib import Path

import pytest
from huggingface_hub import constants

from imbclf.errors import UserError
from imbclf.models.hub import cached_files_if_unreachable
from imbclf.models.timm_models import build_timm_backbone

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def is_offline() -> bool:
    return bool(constants.HF_HUB_OFFLINE)


def test_the_client_asks_only_a_hub_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
        with cached_files_if_unreachable():
            assert not is_offline()
    with cached_files_if_unreachable():  # nothing listens any more
        assert is_offline()
    assert not is_offline()
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")  # which may know the way
    with cached_files_if_unreachable():
        assert not is_offline()


def test_it_is_asked_once_and_the_message_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(UserError, match=r"resnet10t.* cannot be loaded .*model\.weights=FILE"):
        build_timm_backbone("resnet10t.c3_in1k", "DEFAULT")
    assert "Retry" not in capfd.readouterr().err
