"""Say in one sentence that a port is busy, before Streamlit says it in its own way."""

import socket
import sys


def main() -> int:
    given = sys.argv[1]
    if not given.isdigit() or not 1 <= int(given) <= 65535:
        print(f"PORT={given} is no port: choose a number from 1 to 65535, as in make run PORT=8502.")
        return 1
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(given)))
        except OSError:
            print(f"Port {given} is busy: choose another, as in make run PORT={int(given) % 65535 + 1}.")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
