"""Hashes of integers, as TensorFlow computes them."""

from __future__ import annotations

import torch
from torch import Tensor


def hash_digits(x: Tensor, bins: int, key: list[int] | None = None) -> Tensor:
    """The bin of each integer, by a hash of its decimal digits.

    Args:
        x: Integers of any shape.
        bins: Number of bins.
        key: Two numbers, for SipHash; without them the hash is FarmHash.
    """
    found: list[int] = []
    values, places = torch.unique(x, return_inverse=True)
    for value in values.tolist():
        text = str(value).encode()
        code = farm_hash(text) if key is None else sip_hash(text, key[0], key[1])
        found.append(code % bins)
    return torch.tensor(found, dtype=torch.long, device=x.device)[places]


def farm_hash(text: bytes) -> int:
    """FarmHash's 64-bit fingerprint of at most 32 bytes."""
    n, mask = len(text), 2**64 - 1
    k0, k1, k2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
    mul = k2 + 2 * n

    def number(start: int, size: int) -> int:
        return int.from_bytes(text[start : start + size], "little")

    def rotate(value: int, bits: int) -> int:
        value &= mask
        return (value >> bits | value << (64 - bits)) & mask

    def mix(u: int, v: int, mul: int) -> int:
        a = ((u ^ v) & mask) * mul & mask
        b = ((v & mask) ^ a ^ a >> 47) * mul & mask
        return (b ^ b >> 47) * mul & mask

    if n > 16:
        a, b = number(0, 8) * k1, number(8, 8)
        c, d = number(n - 8, 8) * mul, number(n - 16, 8) * k2
        return mix(rotate(a + b, 43) + rotate(c, 30) + d, a + rotate(b + k2, 18) + c, mul)
    if n >= 8:
        a, b = number(0, 8) + k2, number(n - 8, 8)
        return mix(rotate(b, 37) * mul + a, (rotate(a, 25) + b) * mul, mul)
    if n >= 4:
        return mix(n + (number(0, 4) << 3), number(n - 4, 4), mul)
    y = text[0] + (text[n >> 1] << 8)
    z = (y * k2 ^ (n + (text[n - 1] << 2)) * k0) & mask
    return (z ^ z >> 47) * k2 & mask


def sip_hash(text: bytes, key0: int, key1: int) -> int:
    """SipHash-2-4."""
    mask = 2**64 - 1

    def rotate(value: int, bits: int) -> int:
        return (value << bits | value >> (64 - bits)) & mask

    def rounds(count: int) -> None:
        for _ in range(count):
            for a, b, first, second in ((0, 1, 13, 32), (2, 3, 16, 0)):
                v[a] = (v[a] + v[b]) & mask
                v[b] = rotate(v[b], first) ^ v[a]
                v[a] = rotate(v[a], second)
            for a, b, first, second in ((2, 1, 17, 32), (0, 3, 21, 0)):
                v[a] = (v[a] + v[b]) & mask
                v[b] = rotate(v[b], first) ^ v[a]
                v[a] = rotate(v[a], second)

    v = [
        key0 ^ 0x736F6D6570736575,
        key1 ^ 0x646F72616E646F6D,
        key0 ^ 0x6C7967656E657261,
        key1 ^ 0x7465646279746573,
    ]
    padded = text + bytes(7 - len(text) % 8) + bytes([len(text) % 256])
    for start in range(0, len(padded), 8):
        word = int.from_bytes(padded[start : start + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def hash_crossed(columns: list[Tensor], bins: int) -> Tensor:
    """The bin of each combination of integers."""
    mul = -0x395B586CA42E166B  # 0xC6A4A7935BD1E995 as int64 has it

    code = torch.full_like(columns[0], 0xDECAFCAFFE, dtype=torch.long)
    for column in columns:
        code = (code ^ mul ^ shift_mix(column.long() * mul) * mul) * mul
        code = shift_mix(shift_mix(code) * mul)
    half = code >> 1 & 0x7FFFFFFFFFFFFFFF  # the number without its sign
    return (half % bins * 2 + (code & 1)) % bins


def shift_mix(x: Tensor) -> Tensor:
    """Mix the upper bits, taken without a sign, into the lower ones."""
    return x ^ (x >> 47 & 0x1FFFF)
