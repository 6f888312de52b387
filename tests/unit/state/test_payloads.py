"""The payload store over a folder and over memory."""

import hashlib
import os

import pytest

from penstock.common.errors import Internal, InvalidArgument, NotFound, PayloadTooLarge
from penstock.state.payloads.store import PAYLOAD_BYTES_MAX, open_payloads


@pytest.fixture(params=["folder", "memory"])
def payloads(request, tmp_path):
    if request.param == "memory":
        return open_payloads("memory:///")
    return open_payloads((tmp_path / "payloads").as_uri())


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
async def test_a_value_comes_back_by_its_content(payloads, size):
    value = os.urandom(size // 2) + b"a" * (size - size // 2)
    stored = await payloads.put("default", value)
    assert stored == (hashlib.sha256(value).hexdigest(), size)
    assert await payloads.get("default", stored.digest) == value


async def test_storing_again_is_the_same_value(payloads):
    assert await payloads.put("default", b"[1]") == await payloads.put("default", b"[1]")


async def test_accounts_do_not_see_each_others_values(payloads):
    stored = await payloads.put("one", b'"secret"')
    for other in ("two", "", "one/..", "../one", "ONE"):
        with pytest.raises(NotFound):
            await payloads.get(other, stored.digest)


@pytest.mark.parametrize("account", ["a/../../b", "..", "", "ü/%2E", "x" * 200])
async def test_any_account_name_is_one_folder(payloads, account, tmp_path):
    stored = await payloads.put(account, b"1")
    assert await payloads.get(account, stored.digest) == b"1"
    assert {path.name for path in tmp_path.iterdir()} <= {"payloads"}


async def test_a_damaged_value_is_never_returned(tmp_path):
    payloads = open_payloads(tmp_path.as_uri())
    stored = await payloads.put("default", b"[1, 2, 3]")
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    for damage in (b"", file.read_bytes()[:-3], b"rubbish"):
        file.write_bytes(damage)
        with pytest.raises(Internal):
            await payloads.get("default", stored.digest)
    await payloads.put("default", b"[1, 2, 3]")
    assert await payloads.get("default", stored.digest) == b"[1, 2, 3]"


async def test_too_large_a_value_is_refused(payloads):
    with pytest.raises(PayloadTooLarge):
        await payloads.put("default", bytes(PAYLOAD_BYTES_MAX + 1))


@pytest.mark.parametrize("digest", ["", "abc", "../../etc/passwd", "A" * 64])
async def test_what_is_no_digest_is_refused(payloads, digest):
    with pytest.raises(InvalidArgument):
        await payloads.get("default", digest)


async def test_an_unknown_value_is_not_found(payloads):
    with pytest.raises(NotFound):
        await payloads.get("default", "0" * 64)


def test_an_unusable_address_is_refused_with_a_fix():
    with pytest.raises(InvalidArgument) as caught:
        open_payloads("nonsense")
    assert "file:///" in (caught.value.fix or "")
