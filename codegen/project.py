"""The settings of a project: `[tool.k2t-gen]` in the nearest pyproject.toml that has it."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any

from codegen.errors import ConversionError, shorten
from codegen.options import Options

_TABLE = "[tool.k2t-gen]"
_OPTIONS = {option.name.replace("_", "-"): option for option in fields(Options)}
#: What a model has beside options; `output` may stand above the models, for all of them.
_OUTPUT, _PATH, _MODELS = "output", "path", "models"
#: What is one model's alone, and no default for all.
_OF_ONE = {"name", "weights"}


class WrongSettings(ConversionError):
    """The settings of a project make no sense."""


@dataclass(frozen=True)
class Job:
    """One model that a command works on.

    Attributes:
        path: The model's file or folder.
        settings: Options that are not the default, by the names of the fields of `Options`.
        output: Where its module stands: a folder, a `.py` file, or "-"; None if nothing says.
    """

    path: Path
    settings: Mapping[str, Any]
    output: str | None = None

    @property
    def options(self) -> Options:
        """The settings as what `convert` takes.

        Raises:
            ConversionError: They contradict each other.
        """
        return Options(**self.settings)


@dataclass(frozen=True)
class Project:
    """What a pyproject.toml says: what holds for all models, and the models that it lists."""

    defaults: Mapping[str, Any]
    output: str | None
    jobs: tuple[Job, ...]

    def job(self, path: Path) -> Job:
        """The job of a model: as it is listed, else with the defaults."""
        listed = (job for job in self.jobs if _same(job.path, path))
        return next(listed, Job(path, self.defaults, self.output))


NO_PROJECT = Project({}, None, ())


def find_project(start: Path = Path()) -> Project:
    """The project whose folder `start` is in; an empty one if there is none.

    Raises:
        WrongSettings: Its settings make no sense.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file() and (table := _table(file)) is not None:
            return _project(table, folder)
    return NO_PROJECT


def _table(file: Path) -> Mapping[str, Any] | None:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("k2t-gen")
    except (OSError, ValueError) as error:
        raise WrongSettings(f"pyproject.toml cannot be read: {error}") from error
    if table is not None and not isinstance(table, dict):
        raise WrongSettings(f"pyproject.toml: {_TABLE} is no table")
    return table


def _project(table: Mapping[str, Any], folder: Path) -> Project:
    models = table.get(_MODELS, [])
    if not isinstance(models, list) or not all(isinstance(model, dict) for model in models):
        raise WrongSettings(
            f"pyproject.toml: models of {_TABLE} is no list of tables; write [[tool.k2t-gen.models]]"
        )
    shared = {key: value for key, value in table.items() if key != _MODELS}
    for key in _OF_ONE & shared.keys():
        raise WrongSettings(f"pyproject.toml: {key!r} of {_TABLE} belongs to one of its models")
    defaults = _settings(shared, folder, _TABLE)
    output = _output(shared, folder, _TABLE)
    jobs = []
    for number, model in enumerate(models, start=1):
        where = f"model {number} of {_TABLE}"
        path = model.get(_PATH)
        if not isinstance(path, str):
            raise WrongSettings(f"pyproject.toml: {where} has no path")
        own = {key: value for key, value in model.items() if key != _PATH}
        settings = {**defaults, **_settings(own, folder, where)}
        jobs.append(Job(Path(_relative(folder, path)), settings, _output(own, folder, where) or output))
    return Project(defaults, output, tuple(jobs))


def _settings(table: Mapping[str, Any], folder: Path, where: str) -> dict[str, Any]:
    """The options in a table, by the names of the fields of `Options`."""
    settings = {}
    for key, value in table.items():
        if key == _OUTPUT:
            continue
        if key not in _OPTIONS:
            close = difflib.get_close_matches(key, [*_OPTIONS, _OUTPUT, _MODELS], 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join([*_OPTIONS, _OUTPUT])}"
            raise WrongSettings(f"pyproject.toml: {where} has the unknown key {shorten(key)}; {hint}")
        settings[_OPTIONS[key].name] = _value(_OPTIONS[key], key, value, folder, where)
    return settings


def _value(option: Field[Any], key: str, value: Any, folder: Path, where: str) -> Any:
    """The value of an option: paths start from the project's folder."""
    kind: type = {bool: bool, tuple: list}.get(type(option.default), str)
    parts = value if isinstance(value, list) else [value]
    if type(value) is not kind or not all(kind is bool or isinstance(part, str) for part in parts):
        wanted = {bool: "true or false", list: "a list of strings", str: "a string"}[kind]
        raise WrongSettings(f"pyproject.toml: {key} of {where} is {shorten(value)}, not {wanted}")
    if option.metadata["metavar"]:
        parts = [Path(_relative(folder, part)) for part in parts]
    return tuple(parts) if kind is list else parts[0]


def _output(table: Mapping[str, Any], folder: Path, where: str) -> str | None:
    value = table.get(_OUTPUT)
    if value is not None and not isinstance(value, str):
        raise WrongSettings(f"pyproject.toml: output of {where} is {shorten(value)}, not a string")
    return None if value is None else _relative(folder, value)


def _relative(folder: Path, path: str) -> str:
    """A path of the settings, as seen from where the command runs."""
    return os.path.relpath(folder / path)


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
