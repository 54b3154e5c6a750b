"""The converter between JSON and forms: strict about types, silent about unknown fields. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, get_args, get_origin

from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError
from cattrs.gen import make_dict_unstructure_fn, override

from hashtag.errors import HashtagError, InvalidDocument
from hashtag.oci.digest import Digest
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.forms import EXTRAS

_TEXTS: dict[type, Callable[[str], Any]] = {
    Digest: Digest,
    Platform: Platform.parse,
    Reference: Reference.parse,
    Repository: Repository.parse,
}


@cache
def converter() -> Converter:
    """Return the one converter: values by their text form, no text for a number or list."""
    made = Converter(unstruct_collection_overrides={tuple: list})
    made.register_structure_hook(str, _text)
    for kind, parse in _TEXTS.items():
        made.register_structure_hook(kind, _parser(parse))
        made.register_unstructure_hook(kind, str)
    made.register_structure_hook_factory(_is_tuple, _tuple_hook)
    made.register_structure_hook_factory(_is_mapping, _mapping_hook)
    for form, extras in EXTRAS.items():
        omitted = {name: override(omit_if_default=True) for name in extras}
        made.register_unstructure_hook(form, make_dict_unstructure_fn(form, made, **omitted))  # type: ignore[arg-type]
    return made


def first_problem(error: BaseValidationError) -> str:
    """Return the first bad value's path and what is wrong with it: `a text is expected @ $.at`."""
    return str(transform_error(error, format_exception=_sentence)[0])


def _sentence(error: BaseException, _: type | None) -> str:
    match error:
        case KeyError():
            return f"{error.args[0]!r} is missing"
        case HashtagError() | ValueError():
            return str(error)
        case _:
            return "an object is expected"


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise InvalidDocument("a text is expected")
    return value


def _parser(parse: Callable[[str], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, kind: parse(_text(value, kind))


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _tuple_hook(kind: Any, made: Converter) -> Callable[[Any, Any], Any]:
    items: Any = list[get_args(kind)[0]]  # type: ignore[misc]  # known at run time only
    structure = made.get_structure_hook(items)

    def read(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise InvalidDocument("a list is expected")
        return tuple(structure(value, items))

    return read


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) is Mapping


def _mapping_hook(kind: Any, made: Converter) -> Callable[[Any, Any], Any]:
    structure = made.get_structure_hook(dict[get_args(kind)])  # type: ignore[misc]  # known at run time only

    def read(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise InvalidDocument("an object is expected")
        return structure(value, kind)

    return read
