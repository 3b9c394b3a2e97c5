"""Random bits are asked for many at a time, and none is used twice."""

from smtpeter.message.identifier import RandomBits


def test_no_octet_is_used_twice():
    asked = []

    def randbytes(length):
        start = 256 * len(asked)
        asked.append(length)
        return b"".join((start + n).to_bytes(3, "big") for n in range(length // 3 + 1))[:length]

    bits = RandomBits(randbytes)
    drawn = [bits(24) for _ in range(1365)]  # 4,095 octets
    assert list(range(1365)) == drawn
    assert 256 == bits(24)
    assert [4096, 4096] == asked


def test_there_are_as_many_bits_as_were_asked_for():
    bits = RandomBits(lambda length: b"\xff" * length)
    assert [0x3FFFFF, 0x3FF, 1, 0xFF] == [bits(22), bits(10), bits(1), bits(8)]
