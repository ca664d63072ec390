"""Jobs travel to decoding processes in portions: what one file does must still be told from the others."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from radiograph_files import SETTINGS
from test_quarantine import decoding_children, png_that_claims, run_files, small_pngs

from gist.intake.decode_job import JobSettings
from gist.intake.guarded_decode import Crew, Job
from gist.stages.vocabulary import Reason


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


def test_a_crew_decodes_with_the_processes_that_looked(folder: Path) -> None:
    paths = small_pngs(folder, 40)
    jobs = [Job(key, str(path), path.stat().st_size) for key, path in enumerate(paths)]
    settings = JobSettings(**SETTINGS)
    with Crew(2) as crew:
        assert len(decoding_children()) == 1
        looked = list(chain.from_iterable(crew.run(jobs, len(jobs), "look", settings)))
        looking = {child.pid for child in decoding_children()}
        decoded = list(chain.from_iterable(crew.run(jobs, len(jobs), "decode", settings)))
        assert {child.pid for child in decoding_children()} == looking
        assert len(looking) == 2
    assert decoding_children() == []
    assert [outcome.png for outcome in looked] == [b""] * 40
    assert sorted(outcome.key for outcome in decoded) == list(range(40))
    assert all(outcome.png for outcome in decoded)


def test_a_process_that_dies_between_two_tasks_is_replaced(folder: Path) -> None:
    paths = small_pngs(folder, 40)
    jobs = [Job(key, str(path), path.stat().st_size) for key, path in enumerate(paths)]
    settings = JobSettings(**SETTINGS)
    with Crew(2) as crew:
        assert len(list(chain.from_iterable(crew.run(jobs, len(jobs), "look", settings)))) == 40
        decoding_children()[0].kill()
        outcomes = list(chain.from_iterable(crew.run(jobs, len(jobs), "decode", settings)))
        assert {outcome.reason for outcome in outcomes} == {None}
        assert len(outcomes) == 40
