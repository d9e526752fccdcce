"""The public electricity file goes through as it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.contract import Rejected
from connectors.files import FileSource

DATA = Path(os.environ.get("FOREWARN_DATA", "../shared/data"))
WIDE = DATA / "electricity" / "daily_kwh_wide.csv.gz"


@pytest.mark.data
@pytest.mark.skipif(not WIDE.exists(), reason=f"{WIDE} is absent; FOREWARN_DATA names the folder of the data sets")
def test_every_cell_of_the_real_file_becomes_a_signal() -> None:
    import csv
    import gzip

    with gzip.open(WIDE, "rt") as file:
        rows = list(csv.reader(file))
    cells = (len(rows) - 1) * (len(rows[0]) - 1)
    signals, total = 0, 0.0
    for batch in FileSource(WIDE, ordered=True).read():
        for item in batch.items:
            assert not isinstance(item, Rejected), item
            signals += 1
            total += getattr(item, "value", 0.0)
    assert signals == cells
    assert total == sum(float(cell) for row in rows[1:] for cell in row[1:])
    if (len(rows[0]) - 1, len(rows) - 1) == (723, 639):
        assert signals == 723 * 639
