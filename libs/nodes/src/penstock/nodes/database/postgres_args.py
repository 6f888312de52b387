"""JSON arguments to what asyncpg wants for each parameter type of a prepared statement."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from penstock.nodes.api import NodeFailure
from penstock.nodes.database.failures import bad_argument
from penstock.nodes.database.values import bytes_of
from penstock.nodes.instants import duration_us


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError("not a whole number")
    return int(value)


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _moment(value: Any) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value / 1000, UTC)
    return datetime.fromisoformat(value)


def _zoned(value: Any) -> datetime:
    moment = _moment(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _local(value: Any) -> datetime:
    moment = _moment(value)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_BY_TYPE: Mapping[str, Callable[[Any], Any]] = {
    "int2": _whole,
    "int4": _whole,
    "int8": _whole,
    "oid": _whole,
    "float4": float,
    "float8": float,
    "numeric": _decimal,
    "text": _text,
    "varchar": _text,
    "bpchar": _text,
    "name": _text,
    "date": lambda value: date.fromisoformat(value[:10]),
    "time": time.fromisoformat,
    "timetz": time.fromisoformat,
    "timestamp": _local,
    "timestamptz": _zoned,
    "interval": lambda value: timedelta(microseconds=duration_us(value, "interval")),
    "json": _json,
    "jsonb": _json,
    "bytea": bytes_of,
}


def _converted(value: Any, type_name: str, place: int) -> Any:
    if value is None and type_name not in ("json", "jsonb"):
        return None
    if type_name.endswith("[]"):
        if not isinstance(value, list | tuple):
            raise bad_argument(f"${place} must be a list for {type_name}")
        return [_converted(one, type_name[:-2], place) for one in value]
    convert = _BY_TYPE.get(type_name)
    if convert is None:
        return value
    try:
        return convert(value)
    except (ValueError, TypeError, OverflowError, InvalidOperation, NodeFailure):
        shown = repr(value)[:60]
        raise bad_argument(f"${place} must be {type_name}, got {shown}") from None


def postgres_args(type_names: Sequence[str], args: Sequence[Any]) -> list[Any]:
    """Arguments for parameters of these types. Raises DB_ARGUMENT."""
    if len(type_names) != len(args):
        raise bad_argument(f"the SQL has {len(type_names)} parameters, args has {len(args)}")
    return [
        None if value is None else _converted(value, name, place)
        for place, (name, value) in enumerate(zip(type_names, args, strict=True), 1)
    ]
