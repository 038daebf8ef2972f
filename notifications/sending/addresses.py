"""Requests to hosts that users have chosen: none reaches this machine's own network, unless the installation allows it.

The host's name is resolved once, the addresses are checked, and the connection goes to one of the checked addresses. So
a name that changes its address in between leads nowhere else.
"""

import ipaddress
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import urllib3
import urllib3.connection
from django.conf import settings
from django.core.exceptions import ValidationError
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout, parse_url
from urllib3.util.url import Url

CONNECT_S, READ_S = 5.0, 10.0
TOTAL_S = 20.0
"""How long a request takes at most, also where the other side sends a byte now and then."""

MOST_ANSWER_BYTES = 4096
"""How much of an answer is read."""


class Failed(Exception):
    """The message was not taken, and may be tried again. The text is one sentence."""

    def __init__(self, sentence: str, retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class Refused(Exception):
    """The message will never be taken. The text is one sentence."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str


def check_url(text: str) -> str:
    """Return the host of this URL, which may be shown. Raises `ValidationError` for one that cannot be used."""
    try:
        url = parse_url(text)
    except HTTPError:
        url = Url()
    if url.scheme not in ("https", "http") or not url.host or url.auth:
        raise ValidationError(
            {"address": "Give an address such as https://example.com/hook, without a password in it."}
        )
    try:
        checked(url.host, url.port or (443 if url.scheme == "https" else 80))
    except Refused as error:
        raise ValidationError({"address": str(error)}) from None
    except Failed:
        pass  # A host that is away now may be there later.
    return url.host[:120]


def post(address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send a POST and return the answer's status and beginning. Follows no redirect.

    Raises `Refused` for a host that must not be asked, and `Failed` if it cannot be reached.
    """
    url = parse_url(address)
    host, port = url.host or "", url.port or (443 if url.scheme == "https" else 80)
    ip = checked(host, port)
    named = host if port in (80, 443) else f"{host}:{port}"
    pool: urllib3.HTTPConnectionPool
    if url.scheme == "https":
        pool = _EncryptedPool(ip, port, assert_hostname=host, server_hostname=host, maxsize=1)
    else:
        pool = _PlainPool(ip, port, maxsize=1)
    with pool, _ended_after(TOTAL_S) as ended:
        try:
            response = pool.urlopen(
                "POST",
                url.request_uri,
                body=body,
                headers={**headers, "Host": named, "User-Agent": "Headcount"},
                timeout=Timeout(connect=CONNECT_S, read=READ_S),
                redirect=False,
                retries=False,
                preload_content=False,
                assert_same_host=False,
            )
            text = response.read(MOST_ANSWER_BYTES).decode(errors="replace")
            retry_after = response.headers.get("Retry-After", "")
            response.release_conn()
        except (HTTPError, OSError) as error:
            if not ended.is_set():
                raise Failed(f"{host} cannot be reached: {error}.") from None
    if ended.is_set():
        raise Failed(f"{host} cannot be reached: it did not answer within {TOTAL_S:g} s.")
    _raise_for(host, response.status, text, float(retry_after) if retry_after.isdecimal() else None)
    return Answer(response.status, text)


_open: threading.local = threading.local()
"""The socket of this thread's request."""


class _Plain(urllib3.connection.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _open.sockets.append(self.sock)


class _Encrypted(urllib3.connection.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _open.sockets.append(self.sock)


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _EncryptedPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Encrypted


@contextmanager
def _ended_after(seconds: float) -> Iterator[threading.Event]:
    """End the connections that this thread opens in the block, so that no read of the block lasts longer.

    The event tells that they were ended.
    """
    opened: list[socket.socket] = []
    ended = threading.Event()
    _open.sockets = opened

    def end() -> None:
        ended.set()
        for each in opened:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield ended
    finally:
        timer.cancel()


def _raise_for(host: str, status: int, text: str, retry_after_s: float | None) -> None:
    said = f"{host} answered {status}: {' '.join(text.split())[:200]}".rstrip(": ")
    if status in (408, 425, 429) or status >= 500:
        raise Failed(said, retry_after_s)
    if status >= 300:
        raise Refused(said)


def checked(host: str, port: int) -> str:
    """Return an address of the host that may be connected to. Raises `Refused` and `Failed`."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Failed(f"The host {host} is not known.") from None
    addresses = [str(each[4][0]) for each in found]
    if settings.NOTIFY_PRIVATE_ADDRESSES:
        return addresses[0]
    for address in addresses:
        if not _is_public(address):
            raise Refused(
                f"{host} is in a private network ({address}). Only the administrator can allow that, with"
                " NOTIFY_PRIVATE_ADDRESSES=true."
            )
    return addresses[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast
