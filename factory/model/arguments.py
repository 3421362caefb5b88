"""The words of `factory model`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOKEN = Path("/var/run/secrets/openbao/token")
"""Where a pod has the token of its ServiceAccount for OpenBao."""
IDENTITY = Path("/var/run/sigstore/cosign/oidc-token")
"""Where cosign expects the identity token of a pod (its provider "filesystem")."""
MESSAGE = Path("/dev/termination-log")
"""Where a container leaves its last words (Kubernetes' `terminationMessagePath`)."""


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the commands. None of them is imported before it runs."""
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(parent: Any, name: str, help: str, *, stack: bool = True, reference: bool = True) -> argparse.ArgumentParser:
        child: argparse.ArgumentParser = parent.add_parser(name, help=help, description=help)
        child.set_defaults(run=_run(name))
        child.add_argument("--format", choices=("text", "json"), default="text", help="how to print (default: text)")
        if stack:
            child.add_argument("stack", type=Path, help="a stack file, such as stacks/Pulumi.dev.yaml")
            _door(child)
        if reference:
            child.add_argument("reference", metavar="MODEL@sha256:…", help="which version, by its digest; a tag is enough to look at it")
        return child

    pushing = command(commands, "push", "a folder, as a version of a model; goes on where it was cut off", reference=False)
    pushing.add_argument("model", help="the model, as the spec names it")
    pushing.add_argument("folder", type=Path, help="the folder that holds its files")
    pushing.add_argument("--version", required=True, help="its version, which is never moved: 1.4.0")
    pushing.add_argument("--licence", "--license", help="SPDX identifier or expression: Apache-2.0")
    pushing.add_argument("--dataset", action="append", default=[], metavar="NAME", help="a dataset of the spec that it was trained on")
    pushing.add_argument("--seal", action="store_true", help="encrypt its files, for the workloads that serve it and nobody else")
    _vault(pushing)

    signing = command(commands, "sign", "sign a version, its files, and its bill of materials")
    _key(signing)

    attesting = commands.add_parser(
        "attest", help="say how a version was trained, or that it was validated", description="What is attested."
    )
    claims = attesting.add_subparsers(title="what", required=True, metavar="WHAT")
    training = command(claims, "training", "a workload has trained it, from these datasets (SLSA provenance)")
    training.add_argument("--by", required=True, metavar="SEGMENT/WORKLOAD", help="the workload that trained it")
    training.add_argument(
        "--dataset", action="append", default=[], metavar="NAME@sha256:…", help="a dataset, by the digest of what was read"
    )
    training.add_argument("--run", dest="invocation", metavar="ID", help="what the training system calls the run")
    _key(training)
    validation = command(claims, "validation", "a validator has tested it (in-toto test result)")
    validation.add_argument("--suite", type=Path, required=True, metavar="FILE", help="what it was tested with; its digest is attested")
    validation.add_argument("--result", choices=("PASSED", "WARNED", "FAILED"), default="PASSED", help="how it went (default: PASSED)")
    validation.add_argument("--test", action="append", default=[], metavar="NAME", help="a test that says so")
    _key(validation)

    verifying = command(commands, "verify", "every check that a version must stand, and whether it does")
    verifying.add_argument(
        "--stage",
        choices=("Inference", "Validation", "Training"),
        default="Inference",
        help="where it would be mounted (default: Inference)",
    )
    promoting = command(commands, "promote", "let a validated version serve: checks everything, then signs that")
    promoting.add_argument("--approver", required=True, metavar="NAME", help="who approves, as the API server names them: staff:alice")
    _key(promoting)

    listing = command(commands, "list", "versions: digest, and who has signed, validated and promoted them", reference=False)
    listing.add_argument("model", nargs="?", help="only this model")

    podding = command(commands, "pod", "a pod that serves a version behind the loader, as YAML to begin with")
    podding.add_argument("--as", dest="workload", required=True, metavar="SEGMENT/WORKLOAD", help="the workload that serves it")
    podding.add_argument("--image", required=True, help="the server's container image")
    podding.add_argument("--vault", metavar="URL", help="where OpenBao is, for a sealed version (default: the spec's)")
    podding.add_argument("--loader", required=True, metavar="IMAGE", help="a container image that has factory, with its extra `models`")

    loading = command(commands, "load", "in a pod: check mounted files, unseal them, say so", stack=False, reference=False)
    loading.add_argument("model", help="the model")
    loading.add_argument("folder", type=Path, help="where its image volume is mounted")
    loading.add_argument("--signature", type=Path, required=True, metavar="FILE", help="the signature over its files")
    whom = loading.add_mutually_exclusive_group(required=True)
    whom.add_argument("--public-key", type=Path, action="append", metavar="FILE", help="PEM key of somebody who may sign it")
    whom.add_argument("--identity", metavar="SUBJECT", help="who may sign it without a key, as their certificate says; needs cosign")
    loading.add_argument("--issuer", metavar="URL", help="with --identity: the issuer of that identity")
    loading.add_argument(
        "--trusted-root", type=Path, metavar="FILE", help="with --identity: the organisation's Sigstore (trusted_root.json)"
    )
    loading.add_argument("--into", type=Path, metavar="DIR", help="an empty folder in memory, for what is unsealed")
    loading.add_argument("--factory", metavar="NAME", help="the factory, whose name its keys' mounts begin with")
    loading.add_argument("--message", type=Path, default=MESSAGE, metavar="FILE", help=f"where the verdict goes (default: {MESSAGE})")
    _vault(loading)


def _run(name: str) -> Callable[[argparse.Namespace], int]:
    def run(options: argparse.Namespace) -> int:
        try:
            from .command import COMMANDS

            return COMMANDS[name](options)
        except ModuleNotFoundError as error:
            from .errors import ModelError

            raise ModelError(f"{error.name} is not installed, and comes with the extra: pip install '.[models]' in a clone") from None

    return run


def _door(parser: argparse.ArgumentParser) -> None:
    door = parser.add_argument_group("the registry's door")
    door.add_argument("--door", metavar="HOST[:PORT]", help="where to enter (default: the host of the model's repository)")
    door.add_argument("--ca", type=Path, metavar="FILE", help="PEM authority of its certificate (default: the system's)")
    door.add_argument("--client-certificate", type=Path, metavar="FILE", help="PEM certificate that the write door asks for")
    door.add_argument("--client-key", type=Path, metavar="FILE", help="PEM key of that certificate")


def _key(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--key", help="hashivault://NAME, pkcs11:…, awskms://…, azurekms://…, gcpkms://…; in Development also a PEM file")
    how.add_argument("--keyless", metavar="SIGNER", help="sign as this signer of the spec, by its identity, at your own Sigstore")
    parser.add_argument(
        "--identity-token",
        type=Path,
        default=IDENTITY,
        metavar="FILE",
        help=f"with --keyless: a file with a token of your issuer (default: {IDENTITY})",
    )
    _vault(parser)


def _vault(parser: argparse.ArgumentParser) -> None:
    vault = parser.add_argument_group("OpenBao", "Without --as, the token of the environment (VAULT_TOKEN) is used.")
    vault.add_argument("--vault", metavar="URL", help="its address (default: VAULT_ADDR, or the spec's)")
    vault.add_argument(
        "--vault-ca", type=Path, metavar="FILE", help="PEM authority of its certificate (default: VAULT_CACERT, or the system's)"
    )
    vault.add_argument("--as", dest="workload", metavar="SEGMENT/WORKLOAD", help="sign in as this workload")
    vault.add_argument("--token", type=Path, default=TOKEN, metavar="FILE", help=f"token of its ServiceAccount (default: {TOKEN})")
