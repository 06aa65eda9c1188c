"""Which function lowers which Keras class: the decorators that register them, and the search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from codegen.errors import THIS_NAME, UnsupportedLayer, shorten
from codegen.lowering.binder import LayerFunction, check_variants
from codegen.lowering.masks import MaskRule
from codegen.lowering.refused import REFUSED
from codegen.model.packages import CUSTOM, KERAS, LAMBDA, OPS, SOURCE, TENSORFLOW
from codegen.model.python_code import CompiledFunction, SourceObject
from codegen.model.spec import LayerSpec

F = TypeVar("F", bound=Callable[..., Any])
#: What a decorator names: a class, or classes with the arguments that it binds for each.
ClassNames = str | Mapping[str, Mapping[str, Any]]

_MULTI_GPU = (
    "hands a part of the batch to one of several GPUs: what multi_gpu_model() makes computes the same as the "
    "model inside it; save that one, as model.layers[-2].save('model.h5')"
)

_FUNCTIONS: dict[tuple[str, str], LayerFunction] = {}


def lowers(
    *class_names: ClassNames,
    package: str = KERAS,
    masks: MaskRule = "keep",
    neutral: Mapping[str, Any] | None = None,
    training_only: Sequence[str] = (),
    note: str = "",
) -> Callable[[F], F]:
    """Register a layer function for Keras classes.

    The function's first parameter is the `Builder`; its positional parameters are the arguments of
    the layer's call (a `Value`, or a list of them); its keyword-only parameters are the layer's
    options with types and defaults.

    Where one function serves several classes, `{"Maximum": {"low": False}, "Minimum": {"low": True}}` binds
    its keyword-only parameter `low` for each, which is then no option of theirs.

    Args:
        class_names: Keras 3 names of the classes, or mappings from names to the arguments bound for them.
        package: "keras.layers", "keras.ops.numpy", "Addons", ...; "*" for any (a user's own layers).
        masks: What becomes of a mask, see `LayerFunction`.
        neutral: Options that change nothing when they have just this value.
        training_only: Options that only say how the weights came about.
        note: One line for the README's table of layers.

    Raises:
        ValueError: A class has a function already; only a user's own may take the place of a built-in one.
        TypeError: What is bound is no keyword-only parameter, or differs from class to class.
    """

    def register(function: F) -> F:
        bound = variants(class_names)
        check_variants(function, bound)
        for name, variant in bound.items():
            _refuse_double(package, name, function)
            _FUNCTIONS[package, name] = LayerFunction(
                function,
                name,
                package,
                masks,
                dict(neutral or {}),
                frozenset(training_only),
                note,
                variant,
            )
        return function

    return register


def variants(names: Sequence[ClassNames]) -> dict[str, Mapping[str, Any]]:
    """The arguments that a decorator binds, by class.

    Raises:
        ValueError: A class is named twice.
    """
    bound: dict[str, Mapping[str, Any]] = {}
    for item in names:
        for name, arguments in ({item: {}} if isinstance(item, str) else item).items():
            if name in bound:
                raise ValueError(f"{name!r} is named twice")
            bound[name] = arguments
    return bound


def _refuse_double(package: str, name: str, function: Callable[..., Any]) -> None:
    known = _FUNCTIONS.get((package, name))
    if known is None:
        return
    old, new = known.function, function
    replaces_built_in = _is_built_in(old) and not _is_built_in(new)
    same_name = (old.__module__, old.__name__) == (new.__module__, new.__name__)
    is_defined_anew = same_name and not _is_built_in(new)
    if not (replaces_built_in or is_defined_anew):
        raise ValueError(f"{name!r} of {package!r} is registered twice: {old.__name__}, {new.__name__}")


def _is_built_in(function: Callable[..., Any]) -> bool:
    return (function.__module__ or "").startswith("codegen.")


def replaces_lambda(*layer_names: str, masks: MaskRule = "keep") -> Callable[[F], F]:
    """Register what stands for the Lambda layers of these names, whose own Python code is never run.

    The function is written as for `lowers`; its keyword-only parameters are the entries of the
    Lambda's `arguments`.
    """
    return lowers(*layer_names, package=LAMBDA, masks=masks)


def registered() -> Mapping[tuple[str, str], LayerFunction]:
    """All registered functions by (package, class name)."""
    return _FUNCTIONS


@contextmanager
def restored() -> Iterator[None]:
    """Forget, at the end of the block, what was registered in it."""
    before = dict(_FUNCTIONS)
    try:
        yield
    finally:
        _FUNCTIONS.clear()
        _FUNCTIONS.update(before)


def _key(spec: LayerSpec) -> tuple[str, str]:
    """Package and name under which a layer is registered; a TensorFlow op goes by its function's name."""
    function = spec.config.get("function")
    if spec.package == TENSORFLOW and isinstance(function, str):
        return TENSORFLOW, function
    # Keras 3 saves the module of an op in `.keras`, but not in `.h5`; the class names are unique.
    return (OPS if spec.package.startswith(f"{OPS}.") else spec.package), spec.class_name


#: What can be done about a Lambda whose function cannot be evaluated.
LAMBDA_ADVICE = f"give its torch code in a --custom file, in a function marked @replaces_lambda({THIS_NAME})"


#: What can be done about a class that is not known.
CLASS_ADVICE = "give its Python file with --source, or a layer function with --custom"
#: What can be done about a function of which the file holds only the name.
SOURCE_ADVICE = f"give the Python file that defines it with --source, or {LAMBDA_ADVICE}"


def _keys(spec: LayerSpec) -> Iterator[tuple[str, str]]:
    """The keys under which the function for a layer may stand, the first that does counts.

    Where the file does not say whose class it is, a user's own function for Keras' or anybody's is meant.
    """
    yield "*", spec.class_name
    if spec.doubt or spec.package in (CUSTOM, SOURCE):
        for key in ((KERAS, spec.class_name), (CUSTOM, spec.class_name)):
            if key in _FUNCTIONS and not _is_built_in(_FUNCTIONS[key].function):
                yield key
    yield _key(spec) if spec.package != SOURCE else (SOURCE, "*")


def find(spec: LayerSpec) -> LayerFunction:
    """The function for a layer, a user's own first.

    Raises:
        UnsupportedLayer: Nothing is registered for its class, or it is a Lambda without a function.
    """
    if spec.class_name == "Lambda":
        if (LAMBDA, spec.name) in _FUNCTIONS:
            return _FUNCTIONS[LAMBDA, spec.name]
        arguments = spec.config.get("arguments")
        if isinstance(arguments, Mapping) and arguments.keys() == {"i", "parts"}:
            raise UnsupportedLayer(spec.name, "Lambda", _MULTI_GPU)
        function = spec.config.get("function")
        if not isinstance(function, (CompiledFunction, SourceObject)):
            reason = f"calls {shorten(function)}, of which the file holds nothing but the name"
            raise UnsupportedLayer(spec.name, "Lambda", f"{reason}; {SOURCE_ADVICE}")
    for key in _keys(spec):
        if key in _FUNCTIONS:
            return _FUNCTIONS[key]
    why = REFUSED.get((KERAS, spec.class_name) if spec.package == CUSTOM else _key(spec))
    if why:
        advice = f"{why}; give a layer function with --custom"
    elif spec.package == CUSTOM:
        advice = f"{spec.doubt or 'is'} a class of the model's author; {CLASS_ADVICE}"
    elif spec.package in (KERAS, TENSORFLOW) or spec.package.startswith("keras."):
        advice = "is not supported; give a layer function with --custom"
    else:
        advice = f"from {spec.package!r} is no Keras layer; {CLASS_ADVICE}"
    raise UnsupportedLayer(spec.name, spec.title, advice)
