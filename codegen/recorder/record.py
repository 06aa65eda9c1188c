"""Runs a model and writes down what it computes: the script's own command line."""

from __future__ import division, print_function

import argparse
import json
import os
import platform
import sys

import numpy as np

from codegen.recorder.calls import calls_of, flatten, graph_of, packed, readers
from codegen.recorder.files import Refused, architecture, digest, holds_code
from codegen.recorder.inputs import KINDS, Given, sizes_to_try, suitable
from codegen.recorder.loading import candidates, import_keras, is_eager, load, version_of

FORMAT = 1

#: How many sizes are recorded where the model leaves some open.
RUNS = 2


def say(words):
    """Tell whoever waits what is being done, or what went wrong."""
    print("record: %s" % " ".join(str(words).split())[:1000], file=sys.stderr)
    sys.stderr.flush()


def numpy_of(keras, tensor):
    """A tensor of any backend as an array; None if it is no array of numbers."""
    if hasattr(keras, "ops"):
        tensor = keras.ops.convert_to_numpy(tensor)
    elif hasattr(tensor, "numpy"):
        tensor = tensor.numpy()
    array = np.asarray(tensor)
    if array.dtype.name == "bfloat16":
        array = array.astype("float32")
    return array if array.dtype.kind in "biufc" else None


def runner(keras, model, tensors):
    """A function from arrays to the arrays of these tensors of the model."""
    if is_eager(keras):
        probe = keras.models.Model(list(model.inputs), tensors)

        def run(arrays):
            given = (
                [keras.backend.cast(a, a.dtype.name) for a in arrays] if not hasattr(keras, "ops") else arrays
            )
            out = flatten(probe(packed(keras, given), training=False))
            return [numpy_of(keras, tensor) for tensor in out]

        return run
    function = keras.backend.function(list(model.inputs), tensors)
    return lambda arrays: [numpy_of(keras, array) for array in function(list(arrays))]


class Recorder(object):
    """A loaded model that is run on inputs; what it computes is collected in `arrays` and `runs`."""

    def __init__(self, keras, model, with_layers):
        self.keras, self.model, self.notes = keras, model, []
        self.arrays, self.runs, self.calls = {}, [], []
        graph = graph_of(keras, model)
        if graph is None:
            raise Refused("the model has no graph of layers: it is a subclass of Model, or was never built")
        self.inputs, outputs = list(graph.inputs), list(graph.outputs)
        if with_layers:
            self.calls = list(calls_of(keras, graph, self.notes))
        tensors = {id(t): t for t in outputs + [t for call in self.calls for t in call[3]]}
        self.order = sorted(tensors)
        self.run = runner(keras, graph, [tensors[key] for key in self.order])
        self.outputs, self.graph = [id(tensor) for tensor in outputs], graph

    def given(self):
        """The model's inputs with what is known of them."""
        names = list(getattr(self.model, "input_names", None) or [])
        for number, tensor in enumerate(self.inputs):
            shape = getattr(tensor, "_keras_shape", None) or tuple(tensor.shape)
            shape = [None if size is None or str(size) in ("None", "?") else int(size) for size in shape]
            name = names[number] if len(names) == len(self.inputs) else tensor.name.split(":")[0]
            dtype = getattr(tensor.dtype, "name", None) or str(tensor.dtype).split(".")[-1]
            yield Given(name, shape, dtype.replace("_ref", ""), readers(self.keras, self.graph, tensor))

    def record(self, names, arrays):
        """Run the model once; returns whether all of its outputs are numbers."""
        for layer in self.model.layers:
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_states"):
                layer.reset_states()
        made = dict(zip(self.order, self.run(arrays)))
        if not all(np.isfinite(made[key]).all() for key in self.outputs):
            return False
        self._keep(names, arrays, made)
        return True

    def _keep(self, names, arrays, made):
        prefix = "run%d/" % len(self.runs)
        keys = {}
        for number, key in enumerate(self.order):
            if made[key] is not None:
                keys[key] = "%stensor%d" % (prefix, number)
                self.arrays[keys[key]] = made[key]
        inputs = []
        for number, (name, array) in enumerate(zip(names, arrays)):
            inputs.append({"name": name, "key": "%sinput%d" % (prefix, number)})
            self.arrays[inputs[-1]["key"]] = array
        self.runs.append({
            "inputs": inputs,
            "outputs": [keys[key] for key in self.outputs],
            "calls": [
                {
                    "path": path,
                    "indices": indices,
                    "class": kind,
                    "outputs": [keys.get(id(tensor)) for tensor in tensors],
                }
                for path, indices, kind, tensors in self.calls
            ],
        })  # fmt: skip

    def run_suitable(self, seed):
        """Run the model on inputs of our choice: on two sizes, where it leaves some open."""
        inputs = list(self.given())
        failure, sizes = None, sizes_to_try(inputs)
        for size in sizes:
            for number, kind in enumerate(KINDS):
                try:
                    arrays = suitable(inputs, size, kind, seed + len(self.runs))
                    if self.record([given.name for given in inputs], arrays) or number + 1 == len(KINDS):
                        break
                except Exception as error:
                    failure = failure or error
            if len(self.runs) == min(RUNS, len(sizes)):
                return
        if not self.runs:
            raise Refused("no inputs of ours suit the model, give some with --inputs (%s)" % failure)

    def run_given(self, path):
        """Run the model on the user's arrays, by the names of its inputs, or in their order."""
        inputs = list(self.given())
        with np.load(path) as archive:
            names = list(archive.files)
            if {given.name for given in inputs} <= set(names):
                names = [given.name for given in inputs]
            if len(names) != len(inputs):
                known = ", ".join(given.name for given in inputs)
                raise Refused("%s has other arrays than the model's inputs: %s" % (path, known))
            self.record([given.name for given in inputs], [archive[name] for name in names])
        if not self.runs:
            raise Refused("the model computes no finite numbers from %s" % path)


def main(arguments=None):
    """Record a model.

    The archive's "meta" is JSON: who computed it, the file's name and sha256, and for each run the names of
    the arrays that are inputs, outputs, and tensors of layer calls. A call has the path of names of layers
    and for each of them the number of its call in its model.
    """
    parser = argparse.ArgumentParser(description="Record what a Keras model computes, layer by layer.")
    parser.add_argument("model", help="the model: .h5, .hdf5, .keras, a SavedModel folder, or .json")
    parser.add_argument("-o", "--output", help="the file to write, MODEL.recording.npz by default")
    parser.add_argument("--weights", help="the weights of a .json")
    parser.add_argument("--inputs", help="an .npz with the model's inputs, instead of random ones")
    parser.add_argument(
        "--import",
        action="append",
        default=[],
        dest="custom",
        help="a file of yours with layers that Keras lacks",
    )
    parser.add_argument("--keras", help="keras, tf_keras or tensorflow.keras; by default what suits the file")
    parser.add_argument("--seed", type=int, default=1, help="of the random inputs")
    parser.add_argument("--no-layers", action="store_true", help="record inputs and outputs only")
    parser.add_argument("--unsafe", action="store_true", help="run the Python code that the file holds")
    args = parser.parse_args(arguments)
    try:
        write(args)
    except Refused as error:
        say("error: %s" % error)
        return 1
    except Exception as error:
        say("error: %s: %s" % (type(error).__name__, error))
        return 1
    return 0


def write(args):
    """Load, run and write down."""
    text, version = architecture(args.model)
    if holds_code(text) and not args.unsafe:
        raise Refused(
            "the file holds Python code (a Lambda), which loading it would run; --unsafe allows that"
        )
    say("starting Keras")
    keras = import_keras([args.keras] if args.keras else candidates(version), version)
    if not is_eager(keras) and hasattr(keras.backend, "set_learning_phase"):
        keras.backend.set_learning_phase(0)
    say("loading the model")
    recorder = Recorder(keras, load(keras, args), not args.no_layers)
    say("running the model")
    if args.inputs:
        recorder.run_given(args.inputs)
    else:
        recorder.run_suitable(args.seed)
    say("writing")
    backend = getattr(keras.backend, "backend", lambda: "tensorflow")()
    meta = {
        "format": FORMAT,
        "keras": version_of(keras),
        "package": keras.__name__.split(".")[0],
        "backend": "%s %s" % (backend, getattr(sys.modules.get(backend), "__version__", "")),
        "python": platform.python_version(),
        "file": os.path.basename(os.path.normpath(args.model)),
        "sha256": digest(args.model),
        "seed": None if args.inputs else args.seed,
        "runs": recorder.runs,
        "notes": recorder.notes,
    }
    arrays = dict(recorder.arrays, meta=np.array(json.dumps(meta, sort_keys=True)))
    path = args.output or "%s.recording.npz" % args.model
    with open("%s.part" % path, "wb") as file:
        np.savez_compressed(file, **arrays)
    if os.path.exists(path):
        os.remove(path)
    os.rename("%s.part" % path, path)


if __name__ == "__main__":
    sys.exit(main())
