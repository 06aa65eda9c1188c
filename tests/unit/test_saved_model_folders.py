"""SavedModel folders: their assets, what lies around them, and the layers for which a config is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codegen import inspect
from codegen.errors import UnreadableFile
from codegen.read.reader import read_model
from tests.support.tensorflow_files import message, write_saved_model


def test_file_among_the_assets(tmp_path: Path) -> None:
    folder = write_saved_model(tmp_path / "net")
    (folder / "assets").mkdir()
    (folder / "assets" / "words.txt").write_bytes(b"3\n")
    (tmp_path / "secret.txt").write_bytes(b"4\n")
    (folder / "assets" / "link.txt").symlink_to(tmp_path / "secret.txt")
    with read_model(folder) as saved:
        assert saved.neighbour("/content/run 1/words.txt") == b"3\n"
        assert saved.neighbour("../secret.txt") is None
        assert saved.neighbour("link.txt") is None


def test_assets_that_are_a_link_out_of_the_folder(tmp_path: Path) -> None:
    folder = write_saved_model(tmp_path / "net")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "words.txt").write_bytes(b"3\n")
    (folder / "assets").symlink_to(tmp_path / "elsewhere")
    with read_model(folder) as saved:
        assert saved.neighbour("words.txt") is None


def test_folder_of_saved_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_saved_model(tmp_path / "net")
    with pytest.raises(UnreadableFile, match=r"holds SavedModel folders: \['net'\]; give one"):
        inspect(tmp_path)
    monkeypatch.chdir(folder)
    assert inspect(Path()).file_name == "net"


def _without_config(folder: Path, *layers: tuple[str, dict[str, int]]) -> Path:
    """A SavedModel of TensorFlow 2.0 without the config of the model; its layers have none where `edges`."""
    nodes: list[tuple[int, int | bytes]] = []
    root: dict[str, int] = {f"layer-{n}": n + 1 for n in range(len(layers))}
    for name, edges in (("model", root), *layers):
        said: dict[str, Any] = {"class_name": "Mine", "name": name}
        said |= {} if edges or name == "odd" else {"config": {"name": name}}
        user = message([(1, b"_tf_keras_layer"), (3, json.dumps(said).encode())])
        parts: list[tuple[int, int | bytes]] = [
            (1, message([(1, n), (2, edge.encode())])) for edge, n in edges.items()
        ]
        nodes.append((1, message([*parts, (4, user)])))
    folder.mkdir()
    graph = message([(7, message(nodes))])
    (folder / "saved_model.pb").write_bytes(message([(1, 1), (2, graph)]))
    return folder


@pytest.mark.parametrize("edges", [{}, {"layer": 2}, {"layer-0": 2, "layer": 3}, {"layer-0": 0}])
def test_layer_for_which_the_config_is_lost(tmp_path: Path, edges: dict[str, int]) -> None:
    layers = [("fine", {}), ("odd", {}), ("odd", edges)]
    with pytest.raises(
        UnreadableFile, match=r"config of the model: 'Mine' 'odd'(, 'Mine' 'odd')? had no get_c"
    ):
        inspect(_without_config(tmp_path / "net", *layers))


def test_no_layer_for_which_the_config_is_lost(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="lack the config of 'Mine'"):
        inspect(_without_config(tmp_path / "net", ("fine", {})))
