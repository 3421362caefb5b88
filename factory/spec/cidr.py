"""Address ranges, as a spec writes them."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

METADATA = ("169.254.169.254/32", "fd00:ec2::254/128")
"""Where clouds serve instance credentials (AWS, Azure, Google: the IPv4 link-local address; AWS also the IPv6 one)."""


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
