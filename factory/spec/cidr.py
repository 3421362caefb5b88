"""Address ranges, as a spec writes them."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

METADATA = ("169.254.169.254/32", "fd00:ec2::254/128")
"""Where clouds serve instance credentials (AWS, Azure, Google: the IPv4 link-local address; AWS also the IPv6 one)."""

PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
)
"""Ranges that the internet does not route: RFC 1918, RFC 6598, RFC 3927, RFC 1122, RFC 4193, RFC 4291."""


@lru_cache(maxsize=4096)
def within(cidr: str, *ranges: str) -> bool:
    """Whether all of a range lies in one of the others."""
    network = ip_network(cidr)
    return any(network.version == (other := ip_network(outer)).version and network.subnet_of(other) for outer in ranges)  # type: ignore[arg-type]


def is_public(cidr: str) -> bool:
    """Whether some address of the range may be on the internet."""
    return not within(cidr, *PRIVATE)


def _range(value: str) -> str:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise PydanticCustomError("cidr", "is not an address range", {"allowed": 'a CIDR such as "10.20.0.0/16"'}) from None
    if "/" not in value:
        raise PydanticCustomError("cidr", "has no prefix length", {"allowed": "a CIDR", "fix": f'Did you mean "{network}"?'})
    if str(network) != value.lower():
        raise PydanticCustomError("cidr", "has bits set behind its prefix", {"allowed": "a CIDR", "fix": f'Did you mean "{network}"?'})
    return str(network)


Cidr = Annotated[str, AfterValidator(_range)]
