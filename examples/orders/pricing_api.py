"""A shop's pricing service, as an HTTP API with the moods of a real one.

    python examples/orders/pricing_api.py --port 8099

    POST /v1/quotes          {"orders": [{order_id, region, quantity, unit_cents}, ...]}
                             -> {"quotes": [{order_id, goods_cents, discount_cents,
                                             shipping_cents, total_cents}, ...]}
    POST /v1/credit-checks   {"order_id", "customer", "total_cents"} -> {order_id, approved, score}
    GET  /health

The same request gets the same answer every time. Some answers are slow. Some requests get 503 once
or twice before they succeed; how often is counted per `Idempotency-Key`, so a client that repeats
properly gets through. A credit check above 50,000.00 gets 422, for good.
"""

import argparse
import asyncio
import zlib
from collections import Counter
from typing import Any

from aiohttp import web

SHIPPING_CENTS = {"north": 500, "south": 700, "east": 600, "west": 650, "overseas": 2_500}
FREE_SHIPPING_FROM_CENTS = 20_000
DISCOUNT_FROM_QUANTITY = 10
DISCOUNT_PERCENT = 10
CREDIT_CENTS_MAX = 5_000_000
SLOW_S = 0.9
TRIES = web.AppKey("tries", Counter[str])


def quote(order: dict[str, Any]) -> dict[str, Any]:
    """Price of one order, in whole cents."""
    goods = int(order["quantity"]) * int(order["unit_cents"])
    large = int(order["quantity"]) >= DISCOUNT_FROM_QUANTITY
    discount = goods * DISCOUNT_PERCENT // 100 if large else 0
    free = goods - discount >= FREE_SHIPPING_FROM_CENTS
    shipping = 0 if free else SHIPPING_CENTS[order["region"]]
    return {
        "order_id": order["order_id"],
        "goods_cents": goods,
        "discount_cents": discount,
        "shipping_cents": shipping,
        "total_cents": goods - discount + shipping,
    }


def problem(status: int, title: str, detail: str) -> web.Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return web.json_response(body, status=status, content_type="application/problem+json")


async def mood(request: web.Request, subject: str) -> web.Response | None:
    """Slowness and outages, decided by what is asked for; None when the request may go on."""
    number = zlib.crc32(subject.encode())
    tries = request.app[TRIES]
    key = f"{request.path} {request.headers.get('Idempotency-Key') or subject}"
    tries[key] += 1
    outages = (0, 0, 0, 1, 0, 2)[number % 6]
    if tries[key] <= outages:
        response = problem(503, "Overloaded", "come back in a moment")
        response.headers["Retry-After"] = "1"
        return response
    if number % 4 == 0:
        await asyncio.sleep(SLOW_S)
    return None


async def quotes(request: web.Request) -> web.Response:
    orders = (await request.json())["orders"]
    if refused := await mood(request, orders[0]["order_id"] if orders else ""):
        return refused
    return web.json_response({"quotes": [quote(order) for order in orders]})


async def credit_checks(request: web.Request) -> web.Response:
    body = await request.json()
    order_id, total = body["order_id"], int(body["total_cents"])
    if total > CREDIT_CENTS_MAX:
        return problem(422, "Credit refused", f"{order_id}: {total} cents exceed every limit")
    if refused := await mood(request, order_id):
        return refused
    score = zlib.crc32(body["customer"].encode()) % 400 + 500
    return web.json_response({"order_id": order_id, "approved": True, "score": score})


async def health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "up"})


def build() -> web.Application:
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app[TRIES] = Counter()
    app.add_routes(
        [
            web.post("/v1/quotes", quotes),
            web.post("/v1/credit-checks", credit_checks),
            web.get("/health", health),
        ]
    )
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="The pricing service of the orders example.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8099)
    given = parser.parse_args()
    web.run_app(build(), host=given.host, port=given.port, print=None)


if __name__ == "__main__":
    main()
