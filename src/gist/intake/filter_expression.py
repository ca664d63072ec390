"""Filters such as `body_part == "ELBOW" and view in ("LATERAL", "AP")`: parsed, never executed.

Names are columns of the label table or DICOM attributes, text is compared without regard to case, and a value
that is missing is the empty text. Ages such as 045Y count as years.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gist.errors import InputError

_MAX_LETTERS = 2000
_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_AGE = re.compile(r"(\d{3})([YMWD])")
_PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}
_ADVICE = 'write for example body_part == "ELBOW" and view in ("LATERAL", "AP")'


@dataclass(frozen=True)
class Filter:
    """A condition on the values of named columns or attributes."""

    condition: ast.expr
    names: frozenset[str]

    def keeps(self, values: Mapping[str, str]) -> bool:
        """Whether the condition holds where each name has the given value; absent names are empty."""
        return _holds(self.condition, values)


@lru_cache(maxsize=8)
def parse_filter(text: str) -> Filter:
    """Reads comparisons (==, !=, <, <=, >, >=, in, not in) joined by and, or, not and parentheses.

    Raises:
        InputError: anything else, in one sentence.
    """
    try:
        if len(text) > _MAX_LETTERS:
            raise SyntaxError
        condition = ast.parse(text.strip(), mode="eval").body
        _check_condition(condition)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InputError(f"prepare.where is not a filter that gist understands; {_ADVICE}.") from None
    names = frozenset(node.id for node in ast.walk(condition) if isinstance(node, ast.Name))
    return Filter(condition, names)


def _check_condition(node: ast.expr) -> None:
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                _check_condition(part)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            _check_condition(part)
        case ast.Compare(left=left, ops=comparisons, comparators=others):
            for comparison, one, other in zip(comparisons, [left, *others], others, strict=False):
                _check_comparison(comparison, one, other)
        case _:
            raise SyntaxError


def _check_comparison(comparison: ast.cmpop, one: ast.expr, other: ast.expr) -> None:
    within = isinstance(comparison, ast.In | ast.NotIn)
    if not (within or type(comparison) in _ORDER):
        raise SyntaxError
    listed = other.elts if within and isinstance(other, ast.Tuple | ast.List) else [other]
    for operand in (one, *listed):
        if not isinstance(operand, ast.Name):
            _constant(operand)


def _constant(node: ast.expr) -> str | float:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -float(number)
    raise SyntaxError


def _holds(node: ast.expr, values: Mapping[str, str]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_holds(part, values) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_holds(part, values) for part in parts)
        case ast.UnaryOp(operand=part):
            return not _holds(part, values)
        case ast.Compare(left=left, ops=comparisons, comparators=others):
            pairs = zip(comparisons, [left, *others], others, strict=False)
            return all(_compares(comparison, one, other, values) for comparison, one, other in pairs)
    raise AssertionError("checked when the filter was read")


def _compares(comparison: ast.cmpop, one: ast.expr, other: ast.expr, values: Mapping[str, str]) -> bool:
    first = _operand(one, values)
    if isinstance(comparison, ast.In | ast.NotIn):
        if isinstance(other, ast.Tuple | ast.List):
            found = any(_in_order(operator.eq, first, _operand(item, values)) for item in other.elts)
        else:
            found = str(first).casefold() in str(_operand(other, values)).casefold()
        return found is isinstance(comparison, ast.In)
    return _in_order(_ORDER[type(comparison)], first, _operand(other, values))


def _operand(node: ast.expr, values: Mapping[str, str]) -> str | float:
    return values.get(node.id, "") if isinstance(node, ast.Name) else _constant(node)


def _in_order(order: Callable[[Any, Any], bool], first: str | float, second: str | float) -> bool:
    """Compares as numbers where one side is a number; what is no number then equals none and has no order."""
    if isinstance(first, str) and isinstance(second, str):
        return order(first.strip().casefold(), second.strip().casefold())
    numbers = (_number(first), _number(second))
    if None in numbers:
        return order is operator.ne
    return order(*numbers)


def _number(value: str | float) -> float | None:
    if isinstance(value, float):
        return value
    age = _AGE.fullmatch(value.strip())
    if age:
        return float(age[1]) / _PER_YEAR[age[2]]
    try:
        return float(value)
    except ValueError:
        return None
