"""Names of layers that say nothing get shorter: counts of Keras' session, a prefix that all share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from codegen.graph import Graph, Module, definitions, with_children
from codegen.graph.layer_names import base, is_automatic_model

#: A prefix must be shared by so many names, and by this part of all.
_LEAST, _SHARE = 5, 0.8

#: Models of keras.applications, by what their names begin with in lower case without other characters.
_APPLICATIONS = {
    r"mobilenetv3(small|large)": "MobileNetV3{0}",
    r"mobilenetv2": "MobileNetV2",
    r"mobilenet(?!v)": "MobileNet",
    r"resnet(\d+)v2": "ResNet{0}V2",
    r"resnet(50|101|152)": "ResNet{0}",
    r"vgg(16|19)": "VGG{0}",
    r"densenet(\d\d\d)": "DenseNet{0}",
    r"inceptionresnetv2": "InceptionResNetV2",
    r"inceptionv3": "InceptionV3",
    r"xception": "Xception",
    r"nasnet(mobile|large)?": "NASNet{0}",
    r"efficientnetv2(b\d|[sml])": "EfficientNetV2{0}",
    r"efficientnet(b\d)": "EfficientNet{0}",
    r"convnext(tiny|small|base|large|xlarge)": "ConvNeXt{0}",
}


def shorten_names(root: Graph) -> None:
    """Renumber automatic names of a model's classes as a fresh session would, and drop shared prefixes."""
    for graph in definitions(root):
        if graph is not root:
            _name_model(graph, root)
        if not graph.doc:
            _rename(graph, _renumbered(graph))
            _rename(graph, _without_prefix(graph))


def _name_model(graph: Graph, root: Graph) -> None:
    """A nested model is called as people spell it, or what it is where its author did not name it."""
    plain = re.sub(r"[^a-z0-9]", "", graph.name.lower())
    for pattern, spelled in _APPLICATIONS.items():
        if not graph.doc and (match := re.match(pattern, plain)):
            part = match[1] if match.groups() else ""
            name = spelled.format((part or "").capitalize())
            _rename_instances(root, graph, name, name.lower())
            return
    if not graph.doc and is_automatic_model(graph.name):
        nodes = (node for holder in definitions(root) for node in holder.nodes)
        calls = Counter(module for node in nodes for module in node.modules() if module.graph is graph)
        is_shared = max(calls.values(), default=0) > 1
        _rename_instances(root, graph, *(("Encoder", "encoder") if is_shared else ("SubModel", "sub_model")))


def _rename_instances(root: Graph, graph: Graph, name: str, attribute: str) -> None:
    """Name the class of a nested model and, where they have its old name, its instances."""
    for holder in definitions(root):
        for module in with_children(holder.modules()):
            if module.graph is graph and module.name == graph.name:
                module.name = attribute
    graph.name = name


def _renumbered(graph: Graph) -> Callable[[str], str]:
    """Gives each automatic name of a class the number that it would have in a session of its own."""
    counts: Counter[str] = Counter()
    fresh: dict[str, str] = {}
    names = sorted(dict.fromkeys(_layers(graph)), key=_number)
    numbered = {base(name) for name in names if name.endswith("_0")}  # from 0, as no Keras does
    for name in names:
        if (kind := base(name)) and kind not in numbered:
            fresh[name] = f"{kind}_{counts[kind]}" if counts[kind] else kind
            counts[kind] += 1

    def rename(name: str) -> str:
        if name in fresh:
            return fresh[name]
        parts = name.split("_")
        for length in range(len(parts) - 1, 0, -1):  # a part of a layer: `separable_conv2d_6_depthwise`
            layer, part = "_".join(parts[:length]), "_".join(parts[length:])
            if layer in fresh and not part[0].isdigit():
                return f"{fresh[layer]}_{part}"
        return name

    return rename


def _layers(graph: Graph) -> Iterator[str]:
    """The names of the layers of a class."""
    for module in with_children(graph.modules()):
        yield from module.owner
    for node in graph.nodes:
        yield node.layer


def _number(name: str) -> int:
    """The count of the session in an automatic name."""
    found = re.search(r"_(\d+)$", name)
    return int(found[1]) if found else 0


def _without_prefix(graph: Graph) -> Callable[[str], str]:
    """Drops the first parts of names that nearly all modules of a class have in common."""
    names = [module.name for module in graph.modules() if module.constructor != "attribute"]
    prefix = ""
    for name in names:
        parts = name.split("_")
        for length in range(1, len(parts)):
            front = "_".join(parts[:length]) + "_"
            sharing = [other for other in names if other.startswith(front)]
            legal = all(re.match(r"[A-Za-z]", other[len(front) :]) for other in sharing)
            if len(sharing) >= max(_LEAST, _SHARE * len(names)) and legal and len(front) > len(prefix):
                prefix = front
    rest = {name.removeprefix(prefix) for name in names}
    if not prefix or len(rest) < len(set(names)):
        return lambda name: name
    return lambda name: name.removeprefix(prefix)


def _rename(graph: Graph, rename: Callable[[str], str]) -> None:
    modules: dict[Module, None] = dict.fromkeys(with_children(graph.modules()))
    for module in modules:
        module.name = rename(module.name)
    for node in graph.nodes:
        node.layer = rename(node.layer)
        for value in node.results():
            value.layer = rename(value.layer)
