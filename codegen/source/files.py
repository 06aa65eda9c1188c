"""The files and folders that are given with `--source`: found, read and parsed, never imported or run."""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from codegen.errors import ConversionError, shorten
from codegen.source.modules import Imported, SourceModule

#: No Python file that a person writes is larger, no folder has more.
_MAX_BYTES, _MAX_FILES = 5_000_000, 20_000
_REGISTERED = re.compile(r"register_keras_serializable\(([^)]*)\)\s*\n(?:@.*\n)*(?:class|def)[ \t]+(\w+)")
_QUOTED = re.compile(r"[\"'](\w+)[\"']")
_DEFINED = re.compile(r"^[ \t]*(?:class|def)[ \t]+(\w+)", re.MULTILINE)


@dataclass
class Sources:
    """What the model's author wrote, as far as it is given.

    Attributes:
        paths: Files, and folders of them.
        known: Packages and classes of theirs for which there are layer functions; these count before the
            source of a whole package.
        used: Which names of which files were read, for the report.
        passed_over: Which were not, as Keras has a layer of that name and the model's file does not say whose
            is meant.
    """

    paths: Sequence[Path] = ()
    known: Collection[tuple[str, str]] = ()
    used: dict[tuple[str, str], None] = field(default_factory=dict)
    passed_over: dict[tuple[str, str], None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._parsed: dict[Path, SourceModule] = {}
        for path in self.paths:
            if not path.is_dir() and not path.is_file():
                raise ConversionError(f"--source {str(path.name)!r}: no such file or folder")

    def __bool__(self) -> bool:
        return bool(self.paths)

    # ---------------------------------------------------------------- where modules are

    def module(self, name: str) -> SourceModule | None:
        """The module of a dotted name, if it is given."""
        path = self._files.get(name)
        return None if path is None else self._read(name, path)

    def resolve(self, imported: Imported, importer: SourceModule) -> str:
        """The dotted path that an import in a module means, without its name in there."""
        if not imported.level:
            return imported.module
        parts = importer.package.split(".") if importer.package else []
        kept = parts[: len(parts) - (imported.level - 1)]
        return ".".join([*kept, imported.module] if imported.module else kept)

    @cached_property
    def _files(self) -> dict[str, Path]:
        """The files by dotted name."""
        found: dict[str, Path] = {}
        for path in self.paths:
            if path.is_dir():
                found.update(_in_folder(path))
            else:
                found[path.stem] = path
        return found

    def _read(self, name: str, path: Path) -> SourceModule:
        if path not in self._parsed:
            tree = _parse(path)
            self._parsed[path] = SourceModule(name, path.name, tree, path.name == "__init__.py")
        return self._parsed[path]

    def is_part(self, package: SourceModule, name: str) -> bool:
        """Whether a package means a module of its own by a name, if it says anything of it."""
        said = package.definitions.get(name)
        return (
            isinstance(said, Imported) and said.name == name and self.resolve(said, package) == package.name
        )

    def is_packaged(self, module: SourceModule) -> bool:
        """Whether a module is of a package, a folder that has an `__init__.py`."""
        root = self._files.get(module.name.partition(".")[0])
        return root is not None and root.name == "__init__.py"

    # ---------------------------------------------------------------- who defines what

    def defining(self, name: str, module: str = "") -> tuple[SourceModule, str] | None:
        """The module that defines a class or a function, and its name in there.

        Args:
            name: Of the class or function.
            module: The module that the model's file says it is of; "" if it does not.

        Raises:
            ConversionError: Several do, and nothing tells which is meant.
        """
        defined, registered = self._names
        if name not in defined and name in registered:
            place, own = registered[name]
            return self._read(place, self._files[place]), own
        places = defined.get(name, [])
        if len(places) > 1 and module:
            places = [place for place in places if place == module] or places
        found = [self._read(place, self._files[place]) for place in places]
        found = [known for known in found if isinstance(known.definitions.get(name), _DEFINITIONS)]
        if len(found) > 1:
            names = ", ".join(known.name for known in found[:4])
            raise ConversionError(
                f"--source: {name} is defined in {len(found)} files ({names}); give the one that is meant"
            )
        return (found[0], name) if found else None

    @cached_property
    def _names(self) -> tuple[dict[str, list[str]], dict[str, tuple[str, str]]]:
        """The modules in whose text a class or function of a name is defined; and those, with the name in
        there, that register one under another name.
        """
        defined: dict[str, list[str]] = {}
        registered: dict[str, tuple[str, str]] = {}
        for place, path in self._files.items():
            text = _text(path)
            for name in dict.fromkeys(_DEFINED.findall(text)):
                defined.setdefault(name, []).append(place)
            for arguments, own in _REGISTERED.findall(text):
                for name in _QUOTED.findall(arguments)[-1:]:
                    registered.setdefault(name, (place, own))
        return defined, registered

    def notes(self) -> tuple[str, ...]:
        """What there is to know of the classes that were not read."""
        return tuple(
            f"{name} is Keras' layer, not the class of {file} in the package that is given; "
            "if that is meant, give the file itself"
            for file, name in self.passed_over
        )

    def note(self, module: SourceModule, name: str) -> None:
        """Remember that a class or function was read."""
        self.used[module.file, name] = None


_DEFINITIONS = (ast.ClassDef, ast.FunctionDef)


def _in_folder(folder: Path) -> Iterator[tuple[str, Path]]:
    """The modules of a folder: of a package under its name, else under their own."""
    root = folder.resolve()
    prefix = [root.name] if (root / "__init__.py").is_file() else []
    count = 0
    for place, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        for name in sorted(files):
            if not name.endswith(".py"):
                continue
            count += 1
            if count > _MAX_FILES:
                raise ConversionError(f"--source {folder.name!r}: more than {_MAX_FILES} files")
            path = Path(place, name)
            parts = [*prefix, *path.relative_to(root).parts]
            parts[-1] = parts[-1].removesuffix(".py")
            dotted = parts[:-1] if parts[-1] == "__init__" else parts
            if dotted:
                yield ".".join(dotted), path


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConversionError(f"--source {path.name!r}: a file of more than {_MAX_BYTES:,} bytes")
        return path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise ConversionError(f"--source {path.name!r}: {error.strerror}") from error


def _parse(path: Path) -> ast.Module:
    text = _text(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise ConversionError(
            f"--source {path.name!r}: no Python 3 ({shorten(error.msg)}, line {error.lineno})"
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ConversionError(f"--source {path.name!r}: cannot be parsed ({type(error).__name__})") from error


def package_folder(name: str, search: Iterable[str]) -> Path:
    """The folder of an installed package, which is not imported.

    Args:
        name: Of the package.
        search: The folders where Python looks for packages.

    Raises:
        ConversionError: There is none.
    """
    if name.isidentifier():
        for place in search:
            folder = Path(place or ".", name)
            if (folder / "__init__.py").is_file():
                return folder
    raise ConversionError(f"--source-package {shorten(name)}: no package of this name is installed")
