"""The payload store: content-addressed, compressed, apart by account, verified on every read.

A value is kept at `t-<account>/<first two of digest>/<digest>.zst`, where the digest is the SHA-256
of the plain bytes. Storing the same value again writes the same object again, which is harmless and
repairs a damaged one.
"""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import obstore
import zstandard
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from penstock.common.errors import Internal, InvalidArgument, NotFound, PayloadTooLarge, Unavailable

PAYLOAD_BYTES_MAX = 64 * 1024 * 1024 - 64 * 1024
"""What fits into a message of 64 MiB with room for everything else in it."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_LEVEL = 3
_INLINE_WORK_BYTES = 128 * 1024
"""Below this, hashing and compressing take less time than a change of threads is worth."""


_LISTED_AT_ONCE = 500
_OBJECT = re.compile(r"(?:.*/)?t-([^/]+)/[0-9a-f]{2}/([0-9a-f]{64})\.zst")

OnStored = Callable[[str, str], Awaitable[bool]]
"""Told of every value that was stored (account, digest); True if it must be stored once more."""


class StoredPayload(NamedTuple):
    """The claim check: SHA-256 of the plain bytes and their number."""

    digest: str
    size: int


def _pack(plain: bytes) -> tuple[str, bytes]:
    digest = hashlib.sha256(plain).hexdigest()
    return digest, zstandard.ZstdCompressor(level=_LEVEL).compress(plain)


def _unpack(digest: str, packed: bytes) -> bytes:
    try:
        plain = zstandard.ZstdDecompressor().decompress(packed, PAYLOAD_BYTES_MAX)
    except zstandard.ZstdError:
        plain = b""
    if hashlib.sha256(plain).hexdigest() != digest:
        raise Internal(f"the stored payload {digest} is damaged", fix="Restore it from a backup.")
    return plain


def _sync_to_disk(path: Path, root: Path) -> None:
    """Make a file that was just renamed into place survive a power cut."""
    for part in (path, *path.parents):
        handle = os.open(part, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if part == root:
            return


def _modified_us(meta: Mapping[str, Any]) -> int:
    when: datetime = meta["last_modified"]
    return round(when.timestamp() * 1e6)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise Unavailable(f"the payload store cannot {what}: {error}") from error


class PayloadStore:
    """Values by content over an object store."""

    def __init__(self, store: ObjectStore, local_root: Path | None) -> None:
        self._store = store
        self._local_root = local_root
        self.on_stored: OnStored | None = None

    def _key(self, tenant: str, digest: str) -> str:
        account = "t-" + quote(tenant, safe="").replace(".", "%2E").replace("%", "=")
        return f"{account}/{digest[:2]}/{digest}.zst"

    async def put(self, tenant: str, plain: bytes) -> StoredPayload:
        """Keep a value; returns when it is on disk. Raises `PayloadTooLarge`, `Unavailable`."""
        if len(plain) > PAYLOAD_BYTES_MAX:
            raise PayloadTooLarge(
                f"the value has {len(plain)} bytes, at most {PAYLOAD_BYTES_MAX} are allowed",
                fix="Split the value, or keep it outside and pass a link.",
            )
        if len(plain) > _INLINE_WORK_BYTES:
            digest, packed = await asyncio.to_thread(_pack, plain)
        else:
            digest, packed = _pack(plain)
        key = self._key(tenant, digest)
        await self._write(key, packed)
        if self.on_stored is not None and await self.on_stored(tenant, digest):
            await self._write(key, packed)
        return StoredPayload(digest, len(plain))

    async def _write(self, key: str, packed: bytes) -> None:
        with _translated("write"):
            await obstore.put_async(self._store, key, packed, use_multipart=False)
            if self._local_root is not None:
                await asyncio.to_thread(_sync_to_disk, self._local_root / key, self._local_root)

    async def older_than(self, at_us: int) -> AsyncIterator[tuple[str, list[str]]]:
        """Digests of values stored before a time, some at once of one account each."""
        with _translated("list"):
            async for found in obstore.list(self._store, chunk_size=_LISTED_AT_ONCE):
                by_tenant: dict[str, list[str]] = {}
                for each in found:
                    named = _OBJECT.fullmatch(each["path"])
                    if named is not None and _modified_us(each) < at_us:
                        tenant = unquote(named[1].replace("=", "%"))
                        by_tenant.setdefault(tenant, []).append(named[2])
                for tenant, digests in by_tenant.items():
                    yield tenant, digests

    async def remove(self, tenant: str, digest: str, older_than_us: int) -> bool:
        """Remove a value; False if it was stored, or stored again, after a time."""
        key = self._key(tenant, digest)
        with _translated("remove"):
            try:
                if _modified_us(await obstore.head_async(self._store, key)) >= older_than_us:
                    return False
                await obstore.delete_async(self._store, key)
            except (NotFoundError, FileNotFoundError):
                return True  # it went before, and nobody noted it
        return True

    async def get(self, tenant: str, digest: str) -> bytes:
        """The value. Raises `InvalidArgument`, `NotFound`, `Unavailable`, or `Internal` if it is
        damaged."""
        if not _DIGEST.fullmatch(digest):
            raise InvalidArgument(
                f"{digest[:80]!r} is not a digest", fix="Send 64 lower-case hex digits."
            )
        with _translated("read"):
            try:
                found = await obstore.get_async(self._store, self._key(tenant, digest))
                packed = bytes(await found.bytes_async())
            except (NotFoundError, FileNotFoundError) as error:
                raise NotFound(f"there is no payload {digest}") from error
        if len(packed) > _INLINE_WORK_BYTES:
            return await asyncio.to_thread(_unpack, digest, packed)
        return _unpack(digest, packed)


def open_payloads(url: str) -> PayloadStore:
    """The store at a URL; a `file://` folder is created if need be. Raises `InvalidArgument`."""
    try:
        if url.startswith("file://"):
            local = LocalStore.from_url(url, mkdir=True)
            return PayloadStore(local, Path(str(local.prefix)))
        return PayloadStore(from_url(url), None)
    except (BaseError, OSError, ValueError) as error:
        raise InvalidArgument(
            f"the payload store {url!r} cannot be opened: {error}",
            fix="Give file:///folder, s3://bucket/prefix, gs://, az:// or memory:///.",
        ) from error
