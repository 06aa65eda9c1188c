"""Whose class a layer is of: Keras' own, that of a known package, or one of somebody who took the name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegen.config.dialects.first_versions import first_version
from codegen.config.dialects.origin import KERAS2, TF_KERAS, Dialect, Origin
from codegen.config.dialects.packages import package_of_module, package_of_options
from codegen.config.dialects.saved_options import always_saved
from codegen.model.packages import CUSTOM, KERAS
from codegen.model.words import TRAINING_SUFFIXES


def owner(
    entry: Mapping[str, Any], class_name: str, package: str, config: Mapping[str, Any], origin: Origin
) -> tuple[str, str]:
    """The package of a saved class, and why it is not Keras' in spite of its name, if so.

    A module or a package under which the class was registered tells whose it is. Without, which is all that
    Keras 2 writes, a name is Keras' if that version had such a layer, and saved such a config of it.

    Args:
        entry: The saved layer.
        class_name: Of it, without package.
        package: Which `class_and_package` takes it to be of.
        config: Its options as saved.
        origin: Of the file.
    """
    if package == KERAS:
        if isinstance(entry.get("module"), str):
            return KERAS, ""
        known = package_of_options(class_name, config, origin)
        if known:
            return known, f"is saved as in {known}, so it is"
        why = doubt(class_name, config, origin)
        return (CUSTOM if why else KERAS), why
    is_registered = ">" in f"{entry.get('registered_name')}{entry.get('class_name')}"
    if is_registered and package != CUSTOM:
        return package, ""
    return package_of_options(class_name, config, origin) or package_of_module(package), ""


def doubt(class_name: str, config: Mapping[str, Any], origin: Origin) -> str:
    """Why a class without a module cannot be Keras' own, to go before "a class of the author"; "" if it can.

    A file that does not say its version may be of any version of its generation.
    """
    dialects: list[Dialect] = [origin.dialect]
    is_unversioned = len(origin.version) == 1
    if is_unversioned and origin.generation == 2:
        dialects = [KERAS2, TF_KERAS]
    versions = [first_version(class_name, dialect) for dialect in dialects]
    if not any(version is not None and (is_unversioned or version <= origin.version) for version in versions):
        return f"is no layer of {_writer(origin)}, so it is"
    missing = always_saved(class_name, origin) - config.keys()
    if not missing:
        return ""
    first = min(missing, key=lambda option: (option.endswith(TRAINING_SUFFIXES), option))
    return f"is saved without {first!r}, which Keras' own always has, so it is"


def _writer(origin: Origin) -> str:
    """The Keras that wrote the file: "Keras 2.3.1", "tf.keras 2.8.0"."""
    name = TF_KERAS if origin.tf else "Keras"
    return f"{name} {'.'.join(map(str, origin.version))}"
