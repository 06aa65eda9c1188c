"""The calls of layers in a loaded model, with the tensors that they read and yield."""

from __future__ import division, print_function

#: Layers that leave it open what their input is: the layer behind them tells.
TRANSPARENT = (
    "Dropout", "SpatialDropout1D", "GaussianNoise", "Reshape", "Flatten", "Permute", "RepeatVector",
    "ExpandDims", "Squeeze", "Cast", "Activation", "TFOpLambda", "TensorFlowOpLayer",
)  # fmt: skip


def flatten(structure):
    """The leaves of nested lists, tuples and dicts; these in the order of their keys."""
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in flatten(part)]
    return [] if structure is None else [structure]


def first(owner, *names):
    """The first of these attributes that is there and not None."""
    return next((v for v in (getattr(owner, name, None) for name in names) if v is not None), None)


def graph_of(keras, layer):
    """What holds the nodes of a layer that is a model; None if it is none, or has no nodes."""
    if not isinstance(layer, keras.models.Model):
        return None
    inner = layer
    if isinstance(layer, keras.models.Sequential):
        inner = first(layer, "_functional", "model") or layer
    return inner if first(inner, "_nodes_by_depth", "nodes_by_depth") else None


def nodes_of(graph):
    """The calls in a model in the order in which they run: the layer, the number of its call, the node."""
    depths = first(graph, "_nodes_by_depth", "nodes_by_depth")
    nodes = [node for depth in sorted(depths, reverse=True) for node in depths[depth]]
    here = {id(node) for node in nodes}
    for node in nodes:
        layer = first(node, "operation", "outbound_layer", "layer")
        if type(layer).__name__ != "InputLayer":
            known = [id(other) for other in first(layer, "_inbound_nodes", "inbound_nodes")]
            yield layer, [other for other in known if other in here].index(id(node)), node


def tensors_in(node):
    """What a node reads, flat."""
    return flatten(first(node, "input_tensors", "keras_inputs"))


def tensors_out(node):
    """What a node yields, flat."""
    return flatten(first(node, "output_tensors", "outputs"))


def calls_of(keras, graph, notes, path=(), indices=()):
    """All calls in a model, those of nested models before them: path, indices, class, tensors."""
    for layer, index, node in nodes_of(graph):
        here, numbers = path + (layer.name,), indices + (index,)
        inner = graph_of(keras, layer)
        if inner is not None:
            try:
                for call in inner_calls(keras, inner, node, notes, here, numbers):
                    yield call
            except Exception as error:
                notes.append("the layers of %s were not recorded: %s" % ("/".join(here), error))
        yield here, numbers, type(layer).__name__, tensors_out(node)


def inner_calls(keras, inner, node, notes, path, indices):
    """The calls in a nested model on what this node gives it: Keras itself calls it, masks and all."""
    calls = list(calls_of(keras, inner, notes, path, indices))
    wanted = {id(tensor): tensor for call in calls for tensor in call[3]}
    given = tensors_in(node)
    if len(given) != len(inner.inputs):
        raise ValueError("it is called with %d tensors" % len(given))
    order = sorted(wanted)
    probe = keras.models.Model(list(inner.inputs), [wanted[key] for key in order])
    made = dict(zip(order, flatten(probe(packed(keras, given)))))
    return [call[:3] + ([made[id(tensor)] for tensor in call[3]],) for call in calls]


def packed(keras, tensors):
    """Tensors as a model that was made of a list of inputs takes them: one stands alone before Keras 3."""
    return tensors if len(tensors) > 1 or hasattr(keras, "ops") else tensors[0]


def readers(keras, graph, tensor):
    """Class and options of the layers that read a tensor, also through layers that tell nothing of it."""
    for layer, _, node in nodes_of(graph):
        places = [place for place, given in enumerate(tensors_in(node)) if given is tensor]
        inner = graph_of(keras, layer)
        if places and inner is not None:
            for place in places:
                for reader in readers(keras, inner, inner.inputs[place]):
                    yield reader
        elif places:
            name, config = type(layer).__name__, options_of(layer)
            yield name, config
            wrapped = config.get("layer")
            if isinstance(wrapped, dict):
                yield wrapped.get("class_name", ""), wrapped.get("config", {})
            if name in TRANSPARENT:
                for out in tensors_out(node):
                    for reader in readers(keras, graph, out):
                        yield reader


def options_of(layer):
    """The layer's config, as far as it has one."""
    try:
        return dict(layer.get_config())
    except Exception:
        return {}
