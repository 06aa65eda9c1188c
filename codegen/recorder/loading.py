"""Which Keras there is, and the model that it loads."""

from __future__ import division, print_function

import importlib
import inspect
import os
import sys

from codegen.recorder.files import Refused, read_text


def candidates(version):
    """Names of the packages that may load a file of this version, the likeliest first."""
    if is_new(version):
        return ["keras", "tensorflow.keras", "tf_keras"]
    if version.endswith("-tf") or minor(version) > 3:
        return ["tf_keras", "tensorflow.keras", "keras"]
    return ["keras", "tf_keras", "tensorflow.keras"]


def is_new(version):
    """Whether a version is Keras 3 or later."""
    return version[:1] not in ("1", "2")


def minor(version):
    """The second number of a version; 0 if it has none."""
    part = version.split("-")[0].split(".")[1:2]
    return int(part[0]) if part and part[0].isdigit() else 0


def import_keras(names, version):
    """The first of these packages that is here, rather one of the file's own generation."""
    found, missing = [], []
    for name in names:
        try:
            module = importlib.import_module("tensorflow" if name == "tensorflow.keras" else name)
            found.append(module.keras if name == "tensorflow.keras" else module)
            version_of(found[-1])
        except Exception as error:
            missing.append("%s: %s" % (name, error))
            continue
        if is_new(version_of(found[-1])) == is_new(version):
            return found[-1]
    if not found:
        raise Refused("there is no Keras here (%s)" % "; ".join(missing))
    return found[0]


def version_of(keras):
    """Its version; tf.keras of some TensorFlows says it elsewhere."""
    version = getattr(keras, "__version__", None) or getattr(keras, "version", lambda: None)()
    return str(version or "2.%s-tf" % sys.modules["tensorflow"].__version__)


def is_eager(keras):
    """Whether a model that is called with numbers yields numbers."""
    if is_new(version_of(keras)):
        return True
    eagerly = getattr(sys.modules.get("tensorflow"), "executing_eagerly", None)
    is_own = keras.__name__ == "keras" and minor(version_of(keras)) <= 3
    return bool(eagerly and eagerly()) and not is_own


def load(keras, args):
    """The model, without its optimizer."""
    custom = operations(keras)
    for path in args.custom:
        sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
        scope = {"__name__": "custom", "__file__": path}
        exec(compile(read_text(path), path, "exec"), scope)
        custom.update((name, made) for name, made in scope.items() if callable(made))
    if args.model.endswith(".json"):
        model = keras.models.model_from_json(read_text(args.model), custom_objects=custom)
        if args.weights:
            model.load_weights(args.weights)
        return model
    wanted = {"custom_objects": custom, "compile": False, "safe_mode": not args.unsafe}
    return keras.models.load_model(args.model, **accepted(keras.models.load_model, wanted))


def operations(keras):
    """The ops of Keras 3 by name, as far as no layer has it: HDF5 files name them, and Keras finds none."""
    found, classes = {}, [keras.Operation] if hasattr(keras, "Operation") else []
    while classes:
        for kind in classes.pop().__subclasses__():
            if not issubclass(kind, keras.layers.Layer) and not hasattr(keras.layers, kind.__name__):
                found.setdefault(kind.__name__, kind)
                classes.append(kind)
    return found


def accepted(function, arguments):
    """Those of the arguments that this version's function takes."""
    spec = getattr(inspect, "getfullargspec", None) or inspect.getargspec
    known = spec(function)
    names = known[0] + list(getattr(known, "kwonlyargs", ()))
    return {name: value for name, value in arguments.items() if name in names or known[2]}
