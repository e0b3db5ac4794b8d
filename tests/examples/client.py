"""client.py ADDRESS COMMAND...: a raw socket for the tests of the examples.

    raw TEXT      sends TEXT (with \\r\\n escapes), prints all that comes until the end
    echo COUNT    COUNT connections at once, each sends a message of its own and reads it back
    big BYTES     sends BYTES bytes through one connection, reads them back, compares
    chat COUNT    COUNT guests come, each says a line, and each hears all others
    hold COUNT    opens COUNT connections and leaves them idle; another one must still be served
"""

import socket
import sys
import threading

TIMEOUT = 60


def connect(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host.strip("[]"), int(port)), timeout=TIMEOUT)


def read_all(connection):
    pieces = []
    while True:
        piece = connection.recv(65536)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def raw(address, text):
    with connect(address) as connection:
        connection.sendall(text.encode().decode("unicode_escape").encode("latin-1"))
        sys.stdout.write(read_all(connection).decode("latin-1"))


def read_exactly(connection, size):
    pieces = []
    while size > 0:
        piece = connection.recv(min(size, 65536))
        if not piece:
            raise EOFError(f"{size} bytes were missing at the end of the stream")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def chat(address, count):
    guests = [connect(address).makefile("rw", newline="\n") for _ in range(int(count))]
    names = [guest.readline().removeprefix("you are ").strip() for guest in guests]
    assert len(set(names)) == len(names), names
    for guest in guests:
        guest.write("hello\n")
        guest.flush()
    for guest, name in zip(guests, names):
        heard = sorted(guest.readline().strip() for _ in range(len(guests) - 1))
        assert heard == sorted(f"{other}: hello" for other in names if other != name), heard
    for guest in guests:
        guest.close()
    print("all heard all others")


def echo(address, count):
    connections = [connect(address) for _ in range(int(count))]
    # All are written before the first is read, so that the server has them all at once.
    for number, connection in enumerate(connections):
        connection.sendall(b"message %d" % number)
    for number, connection in enumerate(connections):
        message = b"message %d" % number
        assert read_exactly(connection, len(message)) == message, number
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == b"", number
        connection.close()
    print("echoed", count)


def big(address, size):
    data = bytes(range(251)) * (int(size) // 251)
    with connect(address) as connection:
        writer = threading.Thread(target=connection.sendall, args=(data,))
        writer.start()
        same = read_exactly(connection, len(data)) == data
        writer.join()
    print("same" if same else "different")


def hold(address, count):
    idle = [connect(address) for _ in range(int(count))]
    echo(address, 1)
    for connection in idle:
        connection.close()


if __name__ == "__main__":
    COMMANDS = {"raw": raw, "echo": echo, "big": big, "chat": chat, "hold": hold}
    COMMANDS[sys.argv[2]](sys.argv[1], *sys.argv[3:])
