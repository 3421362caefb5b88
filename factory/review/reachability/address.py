"""IP addresses of both families on one line of numbers, so that one set holds CIDR blocks with their exceptions."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network, summarize_address_range

from .interval import Intervals

Address = IPv4Address | IPv6Address
Block = IPv4Network | IPv6Network

_SIX = 1 << 32  # IPv6 begins where IPv4 ends
ALL_ADDRESSES = Intervals([(0, _SIX - 1), (_SIX, _SIX + (1 << 128) - 1)])


def address(of: Address) -> int:
    """The place of one address on the line."""
    return int(of) + (_SIX if of.version == 6 else 0)


def block(of: Block | str) -> Intervals:
    """The addresses of a CIDR block; host bits are ignored, as the API server does. Raises ValueError if `of` is no CIDR block."""
    if isinstance(of, str) and "/" not in of:
        raise ValueError(f"{of!r} has no mask; write {of}/{128 if ':' in of else 32} for the one address")
    network = ip_network(of, strict=False)
    return Intervals([(address(network.network_address), address(network.broadcast_address))])


def blocks(chosen: Intervals) -> Iterable[Block]:
    """The fewest CIDR blocks that make up `chosen`, IPv4 first."""
    for low, high in (chosen & Intervals([(0, _SIX - 1)])) if chosen else ():
        yield from summarize_address_range(IPv4Address(low), IPv4Address(high))
    for low, high in chosen - Intervals([(0, _SIX - 1)]):
        yield from summarize_address_range(IPv6Address(low - _SIX), IPv6Address(high - _SIX))


def say_addresses(chosen: Intervals) -> str:
    """`10.0.0.0/8`, or `0.0.0.0/0 except 10.0.0.0/8, 169.254.169.254/32` where that is shorter, or `every address`."""
    if chosen == ALL_ADDRESSES:
        return "every address"
    said = []
    for whole, name in ((Intervals([(0, _SIX - 1)]), "0.0.0.0/0"), (ALL_ADDRESSES - Intervals([(0, _SIX - 1)]), "::/0")):
        mine = chosen & whole
        if not mine:
            continue
        plain, missing = [str(b) for b in blocks(mine)], [str(b) for b in blocks(whole - mine)]
        said.append(", ".join(plain) if len(plain) <= len(missing) + 1 else f"{name} except {', '.join(missing)}")
    return ", ".join(said) or "no address"
