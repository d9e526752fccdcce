"""A trained model of headlines: logistic regression on hashed runs of one to three characters.

The file is a NumPy archive (``.npz``, no pickle) of four arrays: ``format`` (the version of this layout), ``bias``,
``weights`` (half precision, a power of two of them) and ``digest`` (SHA-256 of bias and weights).
"""

from __future__ import annotations

import hashlib
import math
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from detectors.sentiment.names import forms
from detectors.sentiment.writing import normalise

FORMAT: Final = 1
#: The table has ``2 ** BITS`` weights.
BITS: Final = 17
#: Longer texts are read so far: a model learns from titles.
_LONGEST: Final = 400
_DIGITS: Final = re.compile(r"\d+")
#: Multiply-shift hashing (Dietzfelbinger 1996): the highest bits of a sum of characters, each times an odd factor. For
#: runs of one; of two, first and second; of three, first to last.
_FACTORS: Final = np.array(
    [2_654_435_761, 2_246_822_519, 3_266_489_917, 668_265_263, 374_761_393, 2_869_860_233], np.uint32
)
_SHIFT: Final = np.uint32(32 - BITS)
_DIGEST_CHARACTERS: Final = 12
_MOST_BYTES: Final = 4 << 20


class ModelFileError(ValueError):
    """A file holds no model that this program can use; the message says why and what to do."""


class HeadlineModel:
    """The log-odds that a headline is bad news for its subject.

    Parameters
    ----------
    weights
        Shape (2 ** BITS,), half precision: of each hashed run.
    bias
        Log-odds of an empty text.

    Examples
    --------
    >>> model = HeadlineModel(np.zeros(2**BITS, np.float16), -1.0)
    >>> model.log_odds("某厂中标", ()), model.digest
    (-1.0, '4f3cee90ef1b')
    """

    def __init__(self, weights: NDArray[np.float16], bias: float) -> None:
        self._half = np.ascontiguousarray(weights, np.float16)
        self._weights, self._bias = self._half.astype(np.float64), float(np.float32(bias))
        self.digest = self._sha256()[:_DIGEST_CHARACTERS]

    def log_odds(self, title: str, names: Sequence[str]) -> float:
        """Return the log-odds that a title is bad news for the enterprise of these names."""
        runs = hashed_runs(title, tuple(names))
        # Half precision adds up exactly in double: the same on every machine.
        return float(np.add.reduce(self._weights.take(runs))) / math.sqrt(len(runs)) + self._bias

    def _sha256(self) -> str:
        little = self._half.astype("<f2").tobytes() + np.array(self._bias, "<f4").tobytes()
        return hashlib.sha256(little).hexdigest()

    def save(self, path: Path) -> None:
        """Write the file; the same model gives the same bytes."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                format=np.array(FORMAT, "<i4"),
                bias=np.array(self._bias, "<f4"),
                weights=self._half.astype("<f2"),
                digest=np.frombuffer(bytes.fromhex(self._sha256()), np.uint8),
            )

    @classmethod
    def load(cls, path: Path) -> HeadlineModel:
        """Read the file that ``save`` wrote.

        Raises
        ------
        ModelFileError
            The file is missing, damaged, of a newer format or no model.
        """
        try:
            with path.open("rb") as file:
                arrays = _arrays(file)
            version, weights = int(arrays["format"]), arrays.get("weights", np.zeros(0))
            if version != FORMAT:
                raise ModelFileError(_message(path, f"its format is {version}, and this program reads {FORMAT}"))
            model = cls(weights, float(arrays["bias"]))
            whole = arrays["digest"].tobytes().hex() == model._sha256() and weights.shape == (2**BITS,)
        except ModelFileError:
            raise
        except OSError as error:
            raise ModelFileError(_message(path, error.strerror or "it cannot be read")) from error
        except (ValueError, KeyError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise ModelFileError(_message(path, "it is damaged, or no model of headlines")) from error
        if not whole or not np.isfinite(weights).all():
            raise ModelFileError(_message(path, "it is damaged: its content does not match its digest"))
        return model


def _arrays(file: BinaryIO) -> dict[str, NDArray[Any]]:
    """Return the arrays of an archive whose checksums hold; those of zip are checked before NumPy trusts a header."""
    with zipfile.ZipFile(file) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES or archive.testzip() is not None:
            message = "larger than a model, or damaged"
            raise ValueError(message)
    file.seek(0)
    with np.load(file, allow_pickle=False) as loaded:
        return {name: loaded[name] for name in loaded.files}


def _message(path: Path, reason: str) -> str:
    return f"model {path}: {reason}; make one with `forewarn train sentiment --out FILE`"


def hashed_runs(title: str, names: tuple[str, ...]) -> NDArray[np.uint32]:
    """Return the places in the table of a title's runs of one to three characters.

    The subject's name counts as one character, and so does a number: a model shall not learn who does badly.
    """
    clean = normalise(title[:_LONGEST])
    for form in forms(names):
        clean = clean.replace(form, "\x01")
    clean = f"\x02{_DIGITS.sub('0', clean)}\x03"
    points = np.frombuffer(clean.encode("utf-32-le", "replace"), "<u4")
    one, two, second, three, middle, last = np.multiply.outer(_FACTORS, points)
    return np.concatenate((one, two[:-1] + second[1:], three[:-2] + middle[1:-1] + last[2:])) >> _SHIFT
