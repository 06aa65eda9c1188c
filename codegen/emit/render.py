"""SourceFile -> text: Jinja2 puts the parts in place, black lays them out."""

from __future__ import annotations

import tokenize
from functools import cache
from importlib.resources import files
from os import PathLike
from pathlib import Path

import black
import jinja2
from black.mode import TargetVersion

from codegen.emit.code import Code
from codegen.emit.literals import short_numbers
from codegen.errors import ConversionError

#: Fixed, whatever black settings the user's project has: the text must not depend on them.
MODE = black.Mode(target_versions={TargetVersion.PY310}, line_length=88)

TEMPLATE = "model.py.jinja"

#: What faulty templates lead to.
_FAULTS = (jinja2.TemplateError, black.parsing.InvalidInput, tokenize.TokenError, SyntaxError, TypeError)


def render(source: object, template_dir: str | PathLike[str] | None = None, template: str = TEMPLATE) -> str:
    """The text of the generated file.

    Args:
        source: Its parts, a `SourceFile` for the template of models.
        template_dir: A folder with a template of the user's own, and whatever it includes.
        template: The template's name.

    Raises:
        ConversionError: There is no template, it is faulty, or its result is no Python.
    """
    folder = Path(template_dir) if template_dir is not None else None
    if folder is not None and not (folder / TEMPLATE).is_file():
        raise ConversionError(f"--template-dir {folder.name!r} has no {TEMPLATE}")
    try:
        text = _environment(folder).get_template(template).render(file=source)
        return black.format_str(short_numbers(text), mode=MODE)
    except _FAULTS as error:
        if folder is None:
            raise
        raise ConversionError(f"the template in {folder.name!r} is faulty: {error}") from error


@cache
def _environment(template_dir: Path | None) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: template_text(name, template_dir)),
        undefined=jinja2.StrictUndefined,
        finalize=_only_code,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["indent"] = lambda code, width=4: Code(code.replace("\n", "\n" + " " * width))
    return environment


def template_text(name: str, template_dir: Path | None = None) -> str | None:
    """A template: the user's own if there is one, else ours; None if there is none of this name."""
    own = template_dir / name if template_dir else None
    if own is not None and own.is_file():
        return own.read_text(encoding="utf-8")
    shipped = files("codegen.templates") if _is_installed() else Path(__file__).parents[2] / "templates"
    entry = shipped.joinpath(name)
    return entry.read_text(encoding="utf-8") if entry.is_file() else None


def _is_installed() -> bool:
    return not (Path(__file__).parents[2] / "templates" / TEMPLATE).is_file()


def _only_code(value: object) -> object:
    """Refuse whatever was not made by `codegen.code`."""
    if isinstance(value, (Code, jinja2.Undefined)):  # jinja2 itself complains of what is undefined
        return value
    raise TypeError(f"a template may only print Code, not {type(value).__name__}")
