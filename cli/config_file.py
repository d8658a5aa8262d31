"""Is this configuration right, and if not, on which line and what was probably meant?"""

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cli.config_model import ConfigFile
from cli.toml_lines import line_of, lines_of
from verifier.errors import Refused

_LARGEST = 4 << 20


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A checked file, where it stands (relative paths start there), and its text."""

    file: ConfigFile
    path: Path
    text: str

    @property
    def folder(self) -> Path:
        """Relative paths in the file start here."""
        return self.path.parent

    def where(self, *path: str | int) -> str:
        """``file:line`` of a key, for messages."""
        line = line_of(path, lines_of(self.text))
        return f"{self.path}:{line}" if line else str(self.path)


def load_config(path: Path) -> LoadedConfig:
    """Read and check a file. Raises Refused naming every fault at once, each with its line."""
    text = _read(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{path}: this is not TOML: {error}", code="config-syntax") from None
    except RecursionError:
        raise Refused(f"{path}: nested too deeply", code="config-syntax") from None
    try:
        return LoadedConfig(ConfigFile.model_validate(data), path, text)
    except ValidationError as error:
        lines = lines_of(text)
        faults = [_fault(detail, path, lines) for detail in error.errors(include_url=False, include_input=False)]
        raise Refused("\n".join(faults), code="config-invalid") from None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise Refused(
            f"cannot read the configuration {path}: {error.strerror}",
            code="config-missing",
            hint="give its path with --config FILE; config.example.toml shows every setting",
        ) from None
    if len(data) > _LARGEST:
        raise Refused(f"{path} is larger than 4 MiB: that is no configuration", code="config-too-large")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{path}: not UTF-8 at byte {error.start}", code="config-syntax") from None


def _fault(detail: ErrorDetails, path: Path, lines: dict[tuple[str | int, ...], int]) -> str:
    """One line for one fault, with a suggestion for an unknown key."""
    place = tuple(detail["loc"])
    line = line_of(place, lines)
    dotted = ".".join(str(part) for part in place) or "the file"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = "there is no such setting" + _suggestion(place)
    return f"{path}{f':{line}' if line else ''}: {dotted}: {message}"


def _suggestion(place: tuple[str | int, ...]) -> str:
    known = _keys_at(place[:-1])
    near = difflib.get_close_matches(str(place[-1]), known, n=1)
    if near:
        return f" (did you mean '{near[0]}'?)"
    return f" (known here: {', '.join(sorted(known))})" if known else ""


def _keys_at(place: tuple[str | int, ...]) -> list[str]:
    """The setting names that the model allows at a path."""
    model: Any = ConfigFile
    for part in place:
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return []
        field = model.model_fields.get(str(part))
        model = _section_of(field.annotation) if field else model
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [field.alias or name for name, field in model.model_fields.items()]
    return []


def _section_of(annotation: Any) -> Any:
    """The section class inside ``dict[str, X]``, ``X | None`` or ``X``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _section_of(argument)
        if found is not None:
            return found
    return None
