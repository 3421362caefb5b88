"""Ports of the three protocols that Kubernetes policies know, laid end to end on one line of numbers, so that one set holds them all."""

from __future__ import annotations

from .interval import Intervals

PROTOCOLS = ("TCP", "UDP", "SCTP")
LAST = 65535
_WIDTH = LAST + 1


def ports(protocol: str, first: int = 1, last: int = LAST) -> Intervals:
    """The ports `first` to `last`, both included, of `protocol` (`TCP`, `UDP` or `SCTP`); by default all of them."""
    offset = PROTOCOLS.index(protocol) * _WIDTH
    return Intervals([(offset + first, offset + last)])


def port(number: int, protocol: str) -> int:
    """The place of one port on the line. Raises ValueError for a number or protocol that does not exist."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol {protocol!r} is not one of {', '.join(PROTOCOLS)}")
    if not 1 <= number <= LAST:
        raise ValueError(f"port {number} is not between 1 and {LAST}")
    return PROTOCOLS.index(protocol) * _WIDTH + number


ALL_PORTS = ports("TCP") | ports("UDP") | ports("SCTP")


def say_ports(chosen: Intervals) -> str:
    """`TCP 443, 8000-8010; UDP 53`, `TCP` for all of TCP, `every port` for all."""
    if chosen == ALL_PORTS:
        return "every port"
    said = []
    for protocol in PROTOCOLS:
        every = ports(protocol)
        mine, offset = chosen & every, every.spans[0][0] - 1
        if mine == every:
            said.append(protocol)
        elif mine:
            numbers = (f"{low - offset}" if low == high else f"{low - offset}-{high - offset}" for low, high in mine)
            said.append(f"{protocol} {', '.join(numbers)}")
    return "; ".join(said) or "no port"
