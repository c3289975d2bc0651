"""From a 48-bit id to code symbols and back: CRC-8, 12 free bits, a tail-biting convolutional code, decoded softly.

A mark that has been through an encoder leaves far less than one bit's worth of evidence in any single symbol, so
symbols are never decided one by one, as a Reed-Solomon or BCH decoder would need: the decoder weighs all of them
at once (Viterbi 1967; tail-biting: Shao, Lin and Fossorier 2003), which is worth some 4 dB here.

The free bits mean nothing. They give every id 4,096 codewords, of which the marker takes the one that the
picture itself already speaks for most ("writing on dirty paper", Costa 1983; Miller, Doërr and Cox 2004).
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from effigie.errors import UsageError

ID_BITS = 48
CRC_BITS = 8
FREE_BITS = 12
MESSAGE_BITS = ID_BITS + CRC_BITS + FREE_BITS
MEMORY = 12
RATE = 19
SYMBOL_COUNT = MESSAGE_BITS * RATE

# Of 8,000 random sets, then improved one by one: no two words that differ in few bits close together differ in
# less than 160 of 1,292 symbols.
GENERATORS = (
    *(0o16231, 0o17073, 0o16577, 0o15455, 0o15125, 0o13227, 0o10735, 0o16443, 0o13651, 0o15511),
    *(0o11527, 0o15257, 0o17531, 0o17045, 0o17453, 0o15717, 0o17715, 0o15707, 0o15653),
)

# Spread out, so that between them they reach every symbol: side by side they would sway a third of them.
_FREE = np.arange(FREE_BITS) * MESSAGE_BITS // FREE_BITS
_FIXED_BITS = np.setdiff1d(np.arange(MESSAGE_BITS), _FREE)

_CRC_POLYNOMIAL = 0x07
_STATES = 1 << MEMORY
_DECODER_LAPS = 3
_LIST_SIZE = 256
_IMPOSSIBLE = -1e4

Bits = NDArray[np.uint8]
Symbols = NDArray[np.float32]


def crc8(bits: Bits) -> int:
    """CRC-8 (polynomial x^8 + x^2 + x + 1) of a sequence of bits, the first one the most significant."""
    register = 0xFF
    for bit in bits.tolist():
        register ^= bit << 7
        register = (register << 1) ^ (_CRC_POLYNOMIAL if register & 0x80 else 0)
        register &= 0xFF
    return register


def encode(output_id: int, free: int = 0) -> Symbols:
    """(SYMBOL_COUNT,) float32 of -1 and 1: one of the codewords of an id.

    Args:
        output_id: 48 bits.
        free: 12 bits, any.
    """
    if not 0 <= free < 1 << FREE_BITS:
        raise UsageError(f"{free} is out of range: give {FREE_BITS} free bits")
    word = np.empty(MESSAGE_BITS, np.uint8)
    word[_FIXED_BITS], word[_FREE] = _fixed_bits(output_id), _to_bits(free, FREE_BITS)
    return _convolve(word)


def encode_into(output_id: int, evidence: NDArray[np.floating]) -> Symbols:
    """(SYMBOL_COUNT,) float32 of -1 and 1: of all codewords of an id the one that agrees best with ``evidence``.

    Args:
        output_id: 48 bits.
        evidence: (SYMBOL_COUNT,) as for :func:`decode`, of pictures that are not marked yet.
    """
    gains, fixed = _branch_metrics(evidence), _fixed_bits(output_id)
    _restrict(gains, _FIXED_BITS, fixed)
    words = [word for word in _list_viterbi(gains) if np.array_equal(word[_FIXED_BITS], fixed)]
    return max(map(_convolve, words), key=lambda symbols: float(symbols @ evidence), default=encode(output_id))


def read_free_bits(symbols: Symbols) -> int:
    """The 12 free bits of a whole codeword, (SYMBOL_COUNT,) of -1 and 1."""
    words = _list_viterbi(_branch_metrics(symbols))
    return _to_int(max(words, key=lambda word: float(_convolve(word) @ symbols))[_FREE])


def normalize(evidence: NDArray[np.float32]) -> NDArray[np.float32]:
    """Evidence of length 1: of different measurements each then counts alike."""
    return np.asarray(evidence / max(float(np.linalg.norm(evidence)), 1e-12), np.float32)


def decode(evidence: NDArray[np.floating], free: int | None = None) -> tuple[int, Symbols] | None:
    """The id, and its codeword, that agrees best with the evidence; None if no likely word's CRC is right.

    Args:
        evidence: (SYMBOL_COUNT,) for every symbol how much speaks for 1 (positive) or -1 (negative); only the
            ratios matter. Proportional to log-likelihood ratios it is decoded best.
        free: the free bits, where they are known; None tries all.
    """
    candidates = []
    gains = _branch_metrics(evidence)
    if free is not None:
        _restrict(gains, _FREE, _to_bits(free, FREE_BITS))
    for word in _list_viterbi(gains):
        fixed = word[_FIXED_BITS]
        if crc8(fixed[:ID_BITS]) == _to_int(fixed[ID_BITS:]):
            candidates.append((_to_int(fixed[:ID_BITS]), _convolve(word)))
    return max(candidates, key=lambda one: float(one[1] @ evidence), default=None)


def _fixed_bits(output_id: int) -> Bits:
    if not 0 <= output_id < 1 << ID_BITS:
        raise UsageError(f"{output_id} is no output id: it must be of {ID_BITS} bits, 0 or more")
    bits = _to_bits(output_id, ID_BITS)
    return np.concatenate([bits, _to_bits(crc8(bits), CRC_BITS)])


def _to_bits(value: int, count: int) -> Bits:
    return np.array([value >> place & 1 for place in range(count - 1, -1, -1)], np.uint8)


def _to_int(bits: Bits) -> int:
    return int("".join(map(str, bits.tolist())), 2)


def _convolve(bits: Bits) -> Symbols:
    """The tail-biting codeword: the register begins with the last bits, as though they had come before."""
    delayed = [np.roll(bits, lag).astype(np.int64) << (MEMORY - lag) for lag in range(MEMORY + 1)]
    return _code_table()[np.sum(delayed, axis=0)].ravel()


@functools.cache
def _code_table() -> Symbols:
    """(2 * states, RATE) of -1 and 1: what the encoder gives for a register of MEMORY + 1 bits, newest first."""
    registers = np.arange(2 * _STATES)[:, None] & np.array(GENERATORS)[None]
    return (1 - 2 * (np.bitwise_count(registers) & 1).astype(np.float32)).astype(np.float32)


def _branch_metrics(evidence: NDArray[np.floating]) -> NDArray[np.float32]:
    """(BITS, 2 * states) what speaks for every content of the register at every step."""
    steps = np.asarray(evidence, np.float32).reshape(MESSAGE_BITS, RATE)
    return np.ascontiguousarray((_code_table() @ steps.T).T)


def _restrict(gains: NDArray[np.float32], places: NDArray[np.intp], bits: Bits) -> None:
    """Leave the bits at ``places`` of the message no other value."""
    newest = np.arange(2 * _STATES) >> MEMORY
    for step, bit in zip(places.tolist(), bits.tolist(), strict=True):
        gains[step, newest != bit] = _IMPOSSIBLE


def _list_viterbi(gains: NDArray[np.float32]) -> Bits:
    """(N, BITS) different words of bits, the most likely among them; each the best path to one end state.

    The walk goes round the circle several times, so that where it began no longer matters. The best end state
    alone misses the right word four times as often near the limit.
    """
    metric = np.zeros(_STATES, np.float32)
    choice = np.empty((MESSAGE_BITS, _STATES), np.bool_)
    for _ in range(_DECODER_LAPS):
        for step in range(MESSAGE_BITS):
            # Register 2t + c leads to state t = register >> 1, from the state in its lower bits.
            paths = (gains[step].reshape(2, _STATES) + metric).reshape(_STATES, 2)
            choice[step] = paths[:, 1] > paths[:, 0]
            metric = np.maximum(paths[:, 0], paths[:, 1])
        metric -= metric.max()
    state = np.argpartition(metric, -_LIST_SIZE)[-_LIST_SIZE:]
    bits = np.empty((_LIST_SIZE, MESSAGE_BITS), np.uint8)
    for step in range(MESSAGE_BITS - 1, -1, -1):
        bits[:, step] = state >> (MEMORY - 1)
        state = (state << 1 | choice[step, state]) & (_STATES - 1)
    return np.unique(bits, axis=0)
