"""A stand-in for Pulumi's `tls` plugin, for where the official one cannot be had.

It serves the resources of the Python package `pulumi-tls`, in the version that this asks for: private keys, certificate requests,
self-signed and locally signed certificates, made by the library `cryptography`. Every property of that package's classes is honoured, or
refused by name: none is dropped. What it does not serve is said when it is asked for.
"""

from lab.tls.install import VERSION, install

__all__ = ["VERSION", "install"]
