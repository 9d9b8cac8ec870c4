"""pgvector's binary form of a half-precision vector."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEADER = struct.Struct(">HH")  # number of dimensions, unused
_HALF_MAX = 65504.0


def pack_vector(vector: Any) -> bytes:
    """The wire form: dimensions, zero, then big-endian IEEE 754 halves. Values beyond the half range are clipped.

    Statements take vectors packed: the driver would read a bare array as a dimension of an SQL array.
    """
    array = np.clip(np.asarray(vector, dtype=np.float32), -_HALF_MAX, _HALF_MAX)
    return _HEADER.pack(array.shape[0], 0) + array.astype(">f2").tobytes()


def unpack_vector(data: bytes) -> NDArray[np.float32]:
    """The vector as float32."""
    return np.frombuffer(data, dtype=">f2", offset=_HEADER.size).astype(np.float32)


def decode_array(data: bytes | None, width: int) -> NDArray[np.int64]:
    """The numbers of a Postgres array in binary form (``array_send``); None and ``{}`` give an empty array.

    Args:
        data: 20 bytes of header for one dimension, then per element its length (4 bytes) and its big-endian bytes.
        width: Bytes of one element: 8 for bigint, 2 for smallint.
    """
    if data is None or len(data) <= 20:
        return np.empty(0, dtype=np.int64)
    element = np.dtype([("length", ">i4"), ("value", f">i{width}")])
    return np.frombuffer(data, dtype=element, offset=20)["value"].astype(np.int64)
