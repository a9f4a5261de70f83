"""Makes consumers of a stream look idle: their last sign of life is moved back inside the key's dump (Redis 7.0, stream type 19)."""
import socket
import struct

CRC_POLYNOMIAL = 0x95AC9329AC4BC9B5  # CRC-64 "Jones", reflected, as Redis' crc64.c
CRC_BYTES = 8


def crc64(data):
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (CRC_POLYNOMIAL if value & 1 else 0)
    return value


def command(connection, *words):
    """Sends; returns a bulk reply's bytes, or the line of another one."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    connection.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
    with connection.makefile("rb") as reply:
        line = reply.readline().rstrip()
        assert line[:1] != b"-", line
        return reply.read(int(line[1:]) + 2)[:-2] if line[:1] == b"$" else line


def make_old(socket_path, key, names, age_ms):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(socket_path))
        dump = bytearray(command(connection, "DUMP", key)[:-CRC_BYTES])
        for name in names:
            at = dump.index(bytes([len(name)]) + name.encode()) + 1 + len(name)
            struct.pack_into("<q", dump, at, struct.unpack_from("<q", dump, at)[0] - age_ms)
        command(connection, "RESTORE", key, 0, bytes(dump) + struct.pack("<Q", crc64(dump)), "REPLACE")
