"""`read_model`: finds out what a file is and opens what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from codegen.errors import ConversionError, UnreadableFile
from codegen.model.saved_model import LayerWeights, PathWeights, SavedModel, SavedTraining, Weights
from codegen.read import h5
from codegen.read.archive import Archive, Assets
from codegen.read.digests import Digests
from codegen.read.kind import FileKind, explain_archive, explain_weights, recognise
from codegen.read.parts import architecture
from codegen.read.parts.damage import reading
from codegen.read.parts.neighbours import neighbour
from codegen.read.tensorflow.checkpoint import read_checkpoint
from codegen.read.tensorflow.saved_model import model_files, read_config, read_weights
from codegen.read.training import archive_training, hdf5_training
from codegen.read.weights import is_path_layout, layer_weights, path_weights, sharded_weights, shards_of


@dataclass(frozen=True)
class _Contents:
    """What one file holds; `config` is None for weights alone, `weights` for an architecture alone.

    `files` are all that it was read from, in order.
    """

    files: tuple[Path, ...]
    config: Mapping[str, Any] | None = None
    weights: Weights | None = None
    keras_version: str = ""
    backend: str = ""
    assets: Mapping[str, bytes] | None = None
    training: Callable[[], SavedTraining | None] = lambda: None


@contextmanager
def read_model(
    path: str | PathLike[str],
    weights: str | PathLike[str] | None = None,
    *,
    hashed: bool = False,
    alone: bool = False,
) -> Iterator[SavedModel]:
    """Open a saved model of any Keras and container; its weights can be read until the block ends.

    Args:
        path: HDF5, `.keras`, a SavedModel folder or architecture JSON; the content decides, not the name.
        weights: A file that holds the weights, if `path` has none or others: HDF5 in either layout,
            an index of sharded weights (`.weights.json`), a TensorFlow checkpoint or a whole model.
        hashed: Whether the digests of all files are sure to be asked for, and so are begun at once.
        alone: Whether `path` may hold weights alone, as the user says which model they are of.

    Raises:
        UnreadableFile: The message says what the file is and what to do.
        ConversionError: Memory does not suffice, here or in the block.
    """
    with ExitStack() as stack, _enough_memory(Path(path)):
        model_path = Path(path)
        model = _contents(model_path, stack)
        if model.config is None and not alone:
            raise UnreadableFile(f"{_label(model_path)}: {explain_weights(model.weights)}")
        given = model if weights is None else _contents(Path(weights), stack)
        if weights is not None and given.weights is None:
            raise UnreadableFile(
                f"{_label(Path(weights))}: this file holds no weights, only an architecture; give a file "
                "that model.save_weights() wrote with --weights"
            )
        sources = [(_base_name(model_path), model.files)]
        if weights is not None:
            sources.append((_base_name(Path(weights)), given.files))
        digests = Digests(sources)
        stack.callback(digests.stop)
        if hashed:
            digests.start()
        yield SavedModel(
            config=model.config or {},
            weights=given.weights,
            keras_version=model.keras_version
            or given.keras_version
            or (
                _guessed(given.weights) if model.config is None else architecture.guess_version(model.config)
            ),
            # Which backend's kernels these are is a matter of the weights' file, if it says.
            backend=given.backend or model.backend,
            file_name=_base_name(model_path),
            weights_name=None if weights is None else _base_name(Path(weights)),
            sources=digests.result,
            assets=model.assets,
            neighbour=partial(neighbour, model_path),
            training=model.training,
        )


def _guessed(weights: Weights | None) -> str:
    """The Keras that wrote weights alone: since 3.6 they have the names of the layers beside them."""
    named = isinstance(weights, PathWeights) and any(weights.folders.values())
    return "3" if named else "2.15.0"


@contextmanager
def _enough_memory(path: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise ConversionError(f"{_label(path)}: the model takes more memory than this machine has") from None


def _base_name(path: Path) -> str:
    return (path.resolve() if path.is_dir() else path).name


def _label(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 200 else f"…{text[-199:]}"


def _contents(path: Path, stack: ExitStack) -> _Contents:
    with reading(_label(path)):
        return _OPENERS[recognise(path)](path, stack)


def _open_hdf5(path: Path, stack: ExitStack) -> _Contents:
    """Open a whole model, or weights alone in one of the two layouts."""
    file = h5.open_h5(path, stack)
    saved = h5.string(file, "model_config")
    config = None if saved is None else architecture.as_config(architecture.parse_json(saved))
    group = h5.subgroup(file, "model_weights") if h5.has(file, "model_weights") else file
    version = h5.string(file, "keras_version") or h5.string(group, "keras_version") or ""
    backend = h5.string(file, "backend") or h5.string(group, "backend") or ""
    weights: LayerWeights | PathWeights
    if h5.names(group, "layer_names") is not None:
        weights = layer_weights(group, _label(path))
    elif is_path_layout(file):
        weights = path_weights(file, _label(path))
    elif "nb_layers" in group.attrs:
        raise UnreadableFile(
            "these are weights of Keras 0.x, in groups by number (layer_0/param_0, ...); build the model in "
            "today's Keras, give each layer its arrays with layer.set_weights(), and save that"
        )
    elif config is not None:
        raise UnreadableFile(
            "this HDF5 file holds an architecture but no weights (no 'layer_names'); save the model again"
        )
    else:
        raise UnreadableFile(
            "this HDF5 file is not from Keras (it has neither 'model_config' nor 'layer_names'); "
            "give a file that model.save() wrote"
        )
    training = partial(hdf5_training, file, _label(path))
    return _Contents((path,), config, weights, version, backend, training=training)


def _open_zip(path: Path, stack: ExitStack) -> _Contents:
    """Open a `.keras` archive: `config.json`, `metadata.json`, `model.weights.h5`, perhaps `assets/`."""
    archive = Archive(path, stack)
    names = archive.names
    if "config.json" not in names:
        raise explain_archive(names)
    config = architecture.as_config(architecture.parse_json(archive.read("config.json")))
    if "model.weights.h5" not in names:
        raise UnreadableFile(
            "this .keras archive has no model.weights.h5 (weights in .npz are pickled and not read); "
            "save it again with the default weights format"
        )
    metadata = architecture.parse_json(archive.read("metadata.json")) if "metadata.json" in names else None
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    tree = h5.open_h5(archive.open("model.weights.h5", stack), stack)
    weights = path_weights(tree, _label(path), in_archive=True)
    assets = Assets(archive, _label(path))
    version = version if isinstance(version, str) else ""
    training = partial(archive_training, config.get("compile_config"), tree, _label(path))
    return _Contents((path,), config, weights, version, assets=assets or None, training=training)


def _open_json(path: Path, stack: ExitStack) -> _Contents:
    """Open an architecture, or the index of sharded weights."""
    if path.stat().st_size > architecture.MAX_BYTES:
        raise UnreadableFile("this JSON file has more than 256 MB; that is no architecture")
    value = architecture.parse_json(path.read_bytes())
    if isinstance(value, dict) and "weight_map" in value and "class_name" not in value:
        shards = shards_of(value, path)
        return _Contents((path, *shards), weights=sharded_weights(shards, stack))
    config = architecture.as_config(value)
    said = {key: config[key] for key in ("keras_version", "backend") if isinstance(config.get(key), str)}
    return _Contents((path,), config, **said)


def _open_saved_model(path: Path, _stack: ExitStack) -> _Contents:
    """Open a folder that `model.save` of tf.keras wrote."""
    config, version = read_config(path)
    return _Contents(model_files(path), config, read_weights(path), version)


def _open_checkpoint(path: Path, _stack: ExitStack) -> _Contents:
    """Open a TensorFlow checkpoint, which holds weights only."""
    weights, files = read_checkpoint(path)
    return _Contents(files, weights=weights)


_OPENERS: Mapping[FileKind, Callable[[Path, ExitStack], _Contents]] = {
    "hdf5": _open_hdf5,
    "zip": _open_zip,
    "json": _open_json,
    "saved_model": _open_saved_model,
    "checkpoint": _open_checkpoint,
}
