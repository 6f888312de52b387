"""Writes orders.csv, the same 10,240 orders every time.

    python examples/orders/make_orders.py

Every number comes from a hash of the order's number, so the file can be checked against this
program on any machine. About one order in fourteen is cancelled, about three in a thousand are
large enough for a credit check, and one of those, ORD-007777, is larger than any credit.
"""

import csv
import hashlib
import sys
from datetime import date, timedelta
from pathlib import Path

COUNT = 10_240
TOO_LARGE = 7_777
REGIONS = ("north", "south", "east", "west", "overseas")
FIRST_DAY = date(2026, 1, 1)
COLUMNS = (
    "order_id",
    "ordered_on",
    "region",
    "customer",
    "sku",
    "quantity",
    "unit_cents",
    "status",
)


def draw(number: int, what: str, below: int) -> int:
    """A number from 0 to `below` - 1 that depends on the order and on what it is for."""
    digest = hashlib.sha256(f"{number}/{what}".encode()).digest()
    return int.from_bytes(digest[:8]) % below


def order(number: int) -> tuple[str | int, ...]:
    large = draw(number, "large", 400) == 0
    quantity = 20 + draw(number, "quantity", 30) if large else 1 + draw(number, "quantity", 12)
    unit_cents = (15_000 if large else 250) + draw(number, "price", 9_000)
    if number == TOO_LARGE:
        quantity, unit_cents = 480, 24_999
    cancelled = number != TOO_LARGE and draw(number, "status", 14) == 0
    return (
        f"ORD-{number:06}",
        (FIRST_DAY + timedelta(days=number * 300 // COUNT)).isoformat(),
        REGIONS[draw(number, "region", len(REGIONS))],
        f"C{draw(number, 'customer', 900):04}",
        f"SKU-{draw(number, 'sku', 250):03}",
        quantity,
        unit_cents,
        "cancelled" if cancelled else "paid",
    )


def main(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(order(number) for number in range(1, COUNT + 1))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("orders.csv"))
