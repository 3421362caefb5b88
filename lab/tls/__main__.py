"""The plugin's process: a gRPC server on a free port of loopback, which it says on its first line (Pulumi's plugin protocol)."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from lab.tls.provider import SAID, Provider


def main() -> None:
    print(SAID, file=sys.stderr, flush=True)
    server = grpc.server(ThreadPoolExecutor(4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(sys.argv[1] if len(sys.argv) > 1 else None), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
