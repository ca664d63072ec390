"""Jobs travel to decoding processes in portions: what one file does must still be told from the others."""

from __future__ import annotations

from pathlib import Path

from test_quarantine import png_that_claims, run_files, small_pngs

from gist.intake.vocabulary import Reason


def test_of_a_portion_only_the_file_that_ends_its_process_is_set_aside(folder: Path) -> None:
    slow = folder / "slow.png"
    slow.write_bytes(png_that_claims(20_000, 20_000, b"\0" + b"\0\xff" * 10_000))
    paths = small_pngs(folder, 40)
    paths.insert(7, slow)
    limits = {"max_pixels": 500_000_000, "memory_bytes": 4 << 30, "seconds": 1}
    found = run_files(paths, **limits)
    assert len(found) == 41
    assert found.pop("slow.png") is Reason.TOO_SLOW
    assert set(found.values()) == {None}
