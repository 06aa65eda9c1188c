"""Settings of all tests: a quiet TensorFlow on one CPU, verified graphs, notes of which layers ran."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

from codegen import passes, pipeline
from codegen.graph import Graph
from codegen.graph.check import check_graph
from tests.support.executed import Executed, noted

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


torch.set_warn_always(True)  # else only the first test that meets a warning would fail


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Executed(config), "executed")


@pytest.fixture
def against_reference(pytestconfig: pytest.Config) -> Iterator[None]:
    """The layer functions that run in this test are compared with what is not ours, see `executed`."""
    plugin = pytestconfig.pluginmanager.get_plugin("executed")
    assert isinstance(plugin, Executed)
    with noted(plugin.seen):
        yield


@pytest.fixture(autouse=True, scope="session")
def checked_passes() -> Iterator[None]:
    """Whatever a test converts: the graph is verified as it is lowered, and after every pass."""

    def run(graph: Graph, *, watch: passes.Watch = lambda *_: None, **switches: bool) -> None:
        def verify(stage: str, graph: Graph) -> None:
            watch(stage, graph)
            check_graph(graph)

        unchecked(graph, watch=verify, **switches)

    unchecked = passes.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "run", run)
        yield


@pytest.fixture(autouse=True, scope="session")
def strict_blocks() -> Iterator[None]:
    """Blocks that cannot be made, or do not work, are a fault; whoever has the release gets flat code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "FALLS_BACK", False)
        yield
