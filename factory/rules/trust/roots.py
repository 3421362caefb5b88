"""What the rules about roots look at: the root certificates of a spec, read; and, where it matters, the moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from factory.spec import Factory, seconds

if TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True)
class Roots:
    """The roots of a factory, at a moment. Where only the day is known, what may be good on that day is."""

    factory: Factory
    earliest: datetime
    latest: datetime

    @classmethod
    def at(cls, factory: Factory, now: date) -> Roots:
        """`now` is a moment in UTC, or a day."""
        if isinstance(now, datetime):
            return cls(factory, now, now)
        return cls(factory, datetime.combine(now, time.min, UTC), datetime.combine(now, time.max, UTC))

    @property
    def intermediate_life(self) -> timedelta:
        """How long an intermediate is good."""
        return timedelta(seconds=seconds(self.factory.keys.intermediate_life)) if self.factory.keys else timedelta()


def certificates(factory: Factory) -> Iterator[tuple[str, x509.Certificate]]:
    """Path and certificate of each root. One that cannot be read is left out: `unreadable` has it."""
    return ((path, certificate) for path, certificate in _read(factory) if certificate is not None)


def unreadable(factory: Factory) -> Iterator[str]:
    """Path of each root certificate that cannot be read."""
    return (path for path, certificate in _read(factory) if certificate is None)


def path_length(certificate: x509.Certificate) -> int | None:
    """How many authorities may stand below it; None where it does not say."""
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    except (x509.ExtensionNotFound, ValueError):
        return None


def _read(factory: Factory) -> Iterator[tuple[str, x509.Certificate | None]]:
    if factory.keys is None:
        return
    from cryptography import x509  # most specs have no keys, and need not wait for it

    for field, pem in (("certificate", factory.keys.root.certificate), ("next", factory.keys.root.next)):
        if pem is not None:
            try:
                yield f"keys.root.{field}", x509.load_pem_x509_certificate(pem.encode())
            except ValueError:
                yield f"keys.root.{field}", None
