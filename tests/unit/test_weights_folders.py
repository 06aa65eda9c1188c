"""Where the layers of a model stand in a tree of weights, in each version of Keras."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from codegen.errors import WeightMismatch
from codegen.model.saved_model import LayerWeights, PathWeights
from codegen.model.variables import VariableTree
from codegen.weights import bind
from tests.support.trees import layer, model, names, saved, tensor

ONE = [("kernel", True)]


def one(name: str, size: int = 2, **spec: Any) -> VariableTree:
    return layer(name, "Dense", [("kernel", True, (size,))], **spec)


def file(*arrays: str, objects: tuple[str, ...] = (), **options: Any) -> PathWeights:
    """A file with these arrays (`head`, or `head:3` for one of 3 numbers) and these objects without one.

    An object is a folder, with the name that Keras saved behind a `=`.
    """
    tensors, folders = {}, {"": ""}
    for text in (*arrays, *objects):
        text, _, size = text.partition(":")
        folder, _, name = text.partition("=")
        folders[f"{folder}/"] = name
        if text in [array.partition(":")[0] for array in arrays]:
            path = f"{folder}/vars/0"
            tensors[path] = tensor(path, np.zeros(int(size or 2)))
    return PathWeights(tensors, folders, **options)


def places(tree: VariableTree, weights: PathWeights | LayerWeights, version: str = "3.0.1") -> dict[str, str]:
    """`owner` of each variable -> folder of its array."""
    bound = names(bind(tree, saved(weights, version)))
    return {key.rpartition("/")[0]: path.removesuffix("/vars/0") for key, path in bound.items()}


def test_what_training_and_users_hang_onto_models_is_no_weight() -> None:
    wrapper = layer("td", "TimeDistributed")
    wrapper.children.append(replace(model("inner", one("a")), attribute="layer"))
    tree = model("top", wrapper, model("base", one("b")))
    weights = file(
        "layers/time_distributed/layer/layers/dense",
        "layers/time_distributed/layer/optimizer",
        "layers/functional/layers/dense",
        "layers/functional/metrics/mean",
        "layers/functional/teacher/layers/dense",
        "extra/dense_1",
    )
    assert places(tree, weights) == {
        "td/layer/a": "layers/time_distributed/layer/layers/dense",
        "base/b": "layers/functional/layers/dense",
    }


@pytest.mark.parametrize(
    "surplus", ["layers/dense_2", "layers/functional/layers/conv2d", "layers/dense/extra"]
)
def test_what_stands_among_the_layers_is_a_weight(surplus: str) -> None:
    tree = model("top", one("a"), model("base", one("b")))
    with pytest.raises(WeightMismatch, match=f"{surplus}/vars/0 .* no weight of the model"):
        places(tree, file("layers/dense", "layers/functional/layers/dense", surplus))


def test_a_layer_that_is_not_called_may_have_weights() -> None:
    tree = model("top", one("a"), one("aside"))
    tree.children.pop()
    assert places(tree, file("layers/dense", "layers/dense_1"), "2.15.0") == {"a": "layers/dense"}


def test_a_folder_is_called_after_the_class_that_the_file_names() -> None:
    inner = model("my_model", one("a"))
    inner.spec = replace(inner.spec, saved_class="MyModel")
    tree = model("top", inner, one("norm", saved_class="SyncDense"))
    weights = file("layers/my_model/layers/dense", "layers/sync_dense")
    assert places(tree, weights) == {
        "my_model/a": "layers/my_model/layers/dense",
        "norm": "layers/sync_dense",
    }


def test_a_layer_that_stands_elsewhere_is_what_is_left() -> None:
    tree = model("top", one("dense"), model("enc", one("dense_1")), one("dense_2"))
    weights = file("layers/dense", "head", "encoder/layers/dense", "optimizer", objects=("encoder",))
    assert places(tree, weights) == {
        "dense": "layers/dense",
        "enc/dense_1": "encoder/layers/dense",
        "dense_2": "head",
    }


def test_lists_name_classes() -> None:
    tree = model("top", one("a"), layer("b", "Conv2D", ONE))
    assert places(tree, file("parts/dense", "parts/conv2d")) == {"a": "parts/dense", "b": "parts/conv2d"}


def test_what_cannot_be_told_apart_is_refused() -> None:
    tree = model("top", one("dense"), one("dense_1"))
    with pytest.raises(
        WeightMismatch, match=r"layer 'dense': its weights may be those in head or in dense_1, "
    ):
        places(tree, file("head", "dense_1"))


def test_names_tell_apart() -> None:
    tree = model("top", one("first"), one("second"))
    by_attribute = places(tree, file("second", "other"))
    assert by_attribute == {"first": "other", "second": "second"}
    by_name = places(tree, file("first=second", "other=first"), "3.6.0")
    assert by_name == {"first": "other", "second": "first"}


def test_a_name_in_the_file_excludes() -> None:
    with pytest.raises(WeightMismatch, match="has no layers/dense/vars/0"):
        places(model("top", one("first")), file("head=second"), "3.6.0")


@pytest.mark.parametrize(
    ("version", "second"),
    [("2.15.0", "layers/dense_1"), ("2.21.0", "layers/dense_1"), ("3.0.5", "layers/dense_2")],
)
def test_whether_numbers_count_what_is_saved_elsewhere(version: str, second: str) -> None:
    tree = model("top", one("a"), one("b", size=3), one("c"))
    found = places(tree, file("layers/dense", second, "zhead:3"), version)
    assert found == {"a": "layers/dense", "b": "zhead", "c": second}


def test_uncounted_layers_of_one_size_are_refused_unless_a_name_tells() -> None:
    with pytest.raises(WeightMismatch, match="1 of the layers 'a', 'b' have weights in their model's folder"):
        places(model("top", one("a"), one("b")), file("layers/dense", "zhead"), "2.15.0")
    tree = model("top", one("a"), one("zhead"), one("b"))
    found = places(tree, file("layers/dense", "layers/dense_1", "zhead"), "2.15.0")
    assert found == {"a": "layers/dense", "zhead": "zhead", "b": "layers/dense_1"}


@pytest.mark.parametrize(("version", "number"), [("2.12.0", 2), ("2.13.1", 2), ("2.14.0", 1)])
def test_checkpoint_dependencies_are_listed_twice_and_counted_until_2_13(version: str, number: int) -> None:
    root = "_layer_checkpoint_dependencies"
    found = places(model("top", one("a"), one("b")), file(f"{root}/dense", f"{root}/dense_{number}"), version)
    assert found["b"] == f"{root}/dense_{number}"


# -------------------------------------------------------------------- shared layers


def shared(size: int = 2, shared_id: int | None = 7) -> VariableTree:
    return model(
        "top", model("e1", one("s", size)), model("e2", one("s", size, shared=shared_id), one("d", size))
    )


@pytest.mark.parametrize(("version", "own"), [("3.15.0", "dense_1"), ("2.15.0", "dense")])
def test_a_shared_layer_stands_under_its_first_path(version: str, own: str) -> None:
    e2 = "layers/functional_1"
    weights = file("layers/functional/layers/dense", f"{e2}/layers/{own}", objects=(e2,), in_archive=True)
    assert places(shared(), weights, version) == {
        "e1/s": "layers/functional/layers/dense",
        "e2/s": "layers/functional/layers/dense",
        "e2/d": f"{e2}/layers/{own}",
    }


def test_only_an_archive_says_what_is_not_shared() -> None:
    weights = file("layers/functional/layers/dense", "layers/functional_1/layers/dense_1")
    assert places(shared(shared_id=None), weights)["e2/s"] == "layers/functional/layers/dense"
    with pytest.raises(
        WeightMismatch, match="layer 'e2/s': the file has no layers/functional_1/layers/dense/"
    ):
        places(shared(shared_id=None), replace(weights, in_archive=True))


def test_a_shared_layer_that_two_layers_can_be_is_refused() -> None:
    tree = model("top", model("e1", one("s")), model("e2", one("s")), one("s", shared=7))
    weights = file("layers/functional/layers/dense", "layers/functional_1/layers/dense", in_archive=True)
    with pytest.raises(WeightMismatch, match="layer 's': the file has no layers/dense/"):
        places(tree, weights)


def test_a_shared_model_shares_its_layers() -> None:
    inner = model("m", one("s"), one("d"))
    again = model("m", one("s", shared=8), one("d", shared=9))
    again.spec = replace(again.spec, shared=7)
    tree = model("top", model("e1", inner), model("e2", again, one("s", shared=8)))
    path = "layers/functional/layers/functional/layers"
    assert places(tree, file(f"{path}/dense", f"{path}/dense_1", in_archive=True)) == {
        "e1/m/s": f"{path}/dense",
        "e1/m/d": f"{path}/dense_1",
        "e2/m/s": f"{path}/dense",
        "e2/m/d": f"{path}/dense_1",
        "e2/s": f"{path}/dense",
    }


def test_hdf5_lists_a_shared_layer_once() -> None:
    tree = model("top", model("both", model("e1", one("s")), model("e2", one("s", shared=2), one("d"))))
    found = names(bind(tree, saved(LayerWeights({"both": (tensor("s/kernel:0"), tensor("d/kernel:0"))}))))
    assert found == {
        "both/e1/s/kernel": "s/kernel:0",
        "both/e2/s/kernel": "s/kernel:0",
        "both/e2/d/kernel": "d/kernel:0",
    }


def test_hdf5_of_keras_3_lists_a_shared_layer_once_and_does_not_say_so() -> None:
    tree = model("top", model("both", model("e1", one("s")), model("e2", one("s"), one("d"))))
    weights = LayerWeights({"both": (tensor("s/kernel"), tensor("d/kernel"))})
    found = names(bind(tree, saved(weights, "3.15.0")))
    assert found["both/e1/s/kernel"] == found["both/e2/s/kernel"] == "s/kernel"
    with pytest.raises(WeightMismatch, match="has 3 weights"):
        bind(tree, saved(weights, "2.15.0"))


def test_hdf5_has_weights_of_attributes_that_are_no_layers_of_their_model() -> None:
    aside = one("aside")
    tree = model("top", model("inner", one("a"), one("b")), aside)
    tree.children.pop()
    inner = (tensor("a/kernel:0"), tensor("extra/kernel:0"), tensor("b/kernel:0"))
    found = names(bind(tree, saved(LayerWeights({"inner": inner, "aside": (tensor("aside/kernel:0"),)}))))
    assert found == {"inner/a/kernel": "a/kernel:0", "inner/b/kernel": "b/kernel:0"}


def test_a_layer_that_an_inner_model_lists_but_does_not_call() -> None:
    listed = model("inner", one("a"), one("head"))
    listed.children.pop()
    tree = model("top", listed, one("head", shared=7))
    weights = file("layers/functional/layers/dense", "layers/functional/layers/dense_1", in_archive=True)
    assert places(tree, weights, "2.15.0")["head"] == "layers/functional/layers/dense_1"
