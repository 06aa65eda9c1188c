"""Identifiers: names from a stranger's file become legal, free and short."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
import unicodedata

MAX_LENGTH = 60
_MAX_FILE_NAME = 200

#: `dir(torch.nn.Module())`, which an attribute must not shadow; a test compares it with torch.
MODULE_ATTRIBUTES = frozenset("""
    T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda
    double dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter
    get_submodule half ipu load_state_dict modules mtia named_buffers named_children
    named_modules named_parameters parameters register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state
    set_submodule share_memory state_dict to to_empty train training type xpu zero_grad
    """.split())  # noqa: SIM905 - a list of 60 strings would be 60 lines

#: What a module beside a generated one must not be called: `import torch` would find it.
_IMPORTED_BY_TORCH = frozenset(
    {"torch", "numpy", "sympy", "mpmath", "networkx", "jinja2", "markupsafe", "fsspec", "filelock"}
)

#: Names that generated code uses itself.
GLOBALS = frozenset(
    {"self", "torch", "nn", "F", "Tensor", "Path", "math", "WEIGHTS_PATH", "load_model", "ConvertedModel"}
)


def identifier(text: str, fallback: str = "layer", limit: int = MAX_LENGTH) -> str:
    """A legal snake-or-camel-case Python identifier like `text`; ASCII, at most `limit` characters."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^0-9A-Za-z_]+", "_", ascii_text[:1000]).strip("_")[:limit].strip("_")
    if not name:
        return fallback
    if name[0].isdigit():
        name = f"{fallback}_{name}"
    return f"{name}_" if keyword.iskeyword(name) or keyword.issoftkeyword(name) else name


def module_name(text: str) -> str:
    """A name for a module that hides no other: `weights.01-0.93` -> `weights_01_0_93`, `re` -> `re_`."""
    name = identifier(text, "model", _MAX_FILE_NAME)
    return f"{name}_" if name in sys.stdlib_module_names or name in _IMPORTED_BY_TORCH else name


def class_name(text: str) -> str:
    """A legal CamelCase name: `vgg16` -> `Vgg16`."""
    parts = identifier(text, "").split("_")
    name = "".join(part[:1].upper() + part[1:] for part in parts if part)
    if not name or name[0].isdigit():
        name = f"Block{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


class Namespace:
    """Names that are taken; `claim` gives a free one.

    Args:
        reserved: Names that are never given.
    """

    def __init__(self, reserved: frozenset[str] | set[str] = frozenset()) -> None:
        self._taken = set(reserved)

    def claim(self, wanted: str) -> str:
        """`wanted`, or the first of `wanted_2`, `wanted_3`, ... that is free."""
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        self._taken.add(name)
        return name


def attributes() -> Namespace:
    """A namespace for the attributes of one module class."""
    return Namespace(MODULE_ATTRIBUTES | {"self", "reset_parameters", "regularization_loss"})


def variables(used: frozenset[str] = frozenset()) -> Namespace:
    """A namespace for the arguments and local variables of one `forward`, which calls what is `used`."""
    return Namespace(GLOBALS | frozenset(dir(builtins)) | used)


def classes() -> Namespace:
    """A namespace for the classes of one file."""
    return Namespace(GLOBALS | frozenset(dir(builtins)))
