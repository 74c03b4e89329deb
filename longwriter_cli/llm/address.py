"""The address of an endpoint: what is called, what is shown, and what must never be."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from longwriter_cli.errors import UsageError

OPENAI_URL = "https://api.openai.com/v1"
_SHORTEST_TOKEN = 16  # Azure's `api-version=2024-10-21` is none


@dataclass(frozen=True, slots=True)
class Address:
    """A base URL taken apart: what is called, what is shown, and the secrets that stand in neither.

    `url` has no slash at its end. `login` is the user and password of the URL for HTTP's Basic scheme, or "".
    """

    url: str
    query: str = field(repr=False)
    login: str = field(repr=False)
    shown: str

    @property
    def secrets(self) -> list[str]:
        """What no message may hold: the password, and values of the query that are long enough to be a token."""
        values = [value for _, value in parse_qsl(self.query) if len(value) >= _SHORTEST_TOKEN]
        return [self.login.partition(":")[2], *values]

    def of(self, path: str) -> str:
        return f"{self.url}{path}?{self.query}" if self.query else f"{self.url}{path}"


def read_address(base_url: str) -> Address:
    """Takes a base URL apart.

    Raises:
        UsageError: it is none, or the proxy for it is of a kind that cannot be used.
    """
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
        if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in base_url):
            raise ValueError
    except ValueError:
        raise UsageError(
            f"The base URL {mask_url(base_url)!r} is no address of an endpoint.",
            "It begins with http:// or https://, as in --base-url http://localhost:8000/v1.",
        ) from None
    netloc = f"[{host}]" if ":" in host else host
    netloc = netloc if port is None else f"{netloc}:{port}"
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    url = urlunsplit((parts.scheme, netloc, path, "", ""))
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if "@" in parts.netloc else ""
    _check_proxy(parts.scheme, host)
    return Address(url, parts.query, login, mask_url(base_url))


def same_place(one: str, other: str) -> bool:
    """Whether two base URLs lead to the same endpoint, though one may have a slash at its end, or another login.

    Raises:
        UsageError: as `read_address`.
    """
    return one == other or read_address(one).url == read_address(other).url


def _check_proxy(scheme: str, host: str) -> None:
    """The HTTP client would speak HTTP to a SOCKS proxy, and wait."""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all") or ""
    kind = proxy.partition("://")[0] if "://" in proxy else "http"
    if kind not in ("http", "https") and not proxy_bypass(host):
        raise UsageError(
            f"The proxy {mask_url(proxy)} of the environment cannot be used: it is neither http nor https.",
            f"Set {scheme}_proxy to an HTTP proxy, or put {host} into no_proxy.",
        )


def mask_url(url: str) -> str:
    """The URL without a user name, password or query, any of which may be a secret."""
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        netloc = f"{host}:{parts.port}" if parts.port else host
    except ValueError:
        return "(a URL that cannot be read)"
    if "@" in parts.netloc:
        netloc = f"***@{netloc}"
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))
