"""Several runs side by side: what they are, what they scored on equal terms, and in which settings they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gist import numerals
from gist.config import sections
from gist.evaluation.score_table import in_words, reading
from gist.evaluation.scores import NEAR_COPIES
from gist.images.colour import with_channels
from gist.inspection import name_of, read_inspection
from gist.pages.html import embedded, html
from gist.pages.pictures import HALF_WIDTH, SYNTHETIC_TEXT, Picture, sheet, shown
from gist.pages.words import DIRECTIONS, OVERALL, capitalised
from gist.runs.findings import Findings, without_paths
from gist.stages.evaluate import Direction, EvaluateResult
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.promise import StageName, kept_settings
from gist.stages.train import TrainResult
from gist.stages.utility import UtilityResult
from gist.training.page import generator_title, started_from
from gist.utility.page import NAMES, QUESTIONS

PICTURES, COLUMNS, SIDE = 8, 4, 128
DIFFERENCES = {
    "reference": "other held-out images",
    "held-out": "other held-out images",
    "n": "another number of images",
    "images": "another number of images",
    "kinds": "other kinds were asked for",
    "class": "other classes",
    "classifier": "another classifier",
}
"""What it means that a part of a fingerprint differs, what matters most first."""


@dataclass(frozen=True)
class ComparedValue:
    """What one run reached."""

    value: float
    low: float | None
    high: float | None
    baseline: float | None
    verdict: str
    """Such as poor; empty where there is none."""
    reading: str
    n: int
    stale: bool = False
    best: bool = False
    """No other value of the row is as good, and no interval of another reaches into its own."""


@dataclass(frozen=True)
class ComparedRow:
    """One quantity, of those runs that measured it on the same terms."""

    name: str
    words: str
    direction: str
    apart: str
    """Why it must not be compared with the row of this name before it; empty for the first."""
    values: Mapping[str, ComparedValue]
    """By run; the others did not measure it, or on other terms."""


@dataclass(frozen=True)
class ComparedRun:
    """One run: what it is, as text by what is told."""

    name: str
    facts: Mapping[str, str]
    stale: tuple[StageName, ...]
    """Finished stages that describe an earlier state."""


@dataclass(frozen=True)
class RunComparison:
    """All that the page tells, but for the pictures."""

    runs: tuple[ComparedRun, ...]
    scores: tuple[ComparedRow, ...]
    utility: tuple[ComparedRow, ...]
    inspection: tuple[ComparedRow, ...]
    settings: Mapping[str, Mapping[str, Any]]
    """Setting -> run -> value, of those that differ."""


@dataclass(frozen=True)
class _Measured:
    """A value and the terms on which it was measured, as `key=value` parts."""

    terms: str
    better: Direction
    words: str
    value: ComparedValue


def compare_runs(runs: Mapping[str, tuple[Findings, tuple[StageName, ...]]]) -> RunComparison:
    """Compares runs, by name; with each the finished stages that are out of date."""
    return RunComparison(
        runs=tuple(ComparedRun(name, _facts(found), stale) for name, (found, stale) in runs.items()),
        scores=_rows(runs, "evaluate", _scores),
        utility=_rows(runs, "utility", _utility),
        inspection=_rows(runs, None, _inspected),
        settings=_differing({name: _settings(found) for name, (found, _) in runs.items()}),
    )


def comparison_page(comparison: RunComparison, findings: Mapping[str, Findings]) -> str:
    """The comparison as one self-contained HTML page."""
    order, sheets = _sheets(findings)
    return html(
        "gist.reporting/comparison.html.j2",
        title=" · ".join(findings),
        style=embedded("gist.pages/page.css", "gist.reporting/comparison.css"),
        comparison=comparison,
        names=list(findings),
        tables=(
            ("Scores", "Against held-out real images.", comparison.scores),
            ("What classifiers learn", "Tested on held-out real images.", comparison.utility),
            ("What readers saw", "Of images drawn at random, before any hint.", comparison.inspection),
        ),
        facts=list(dict.fromkeys(fact for run in comparison.runs for fact in run.facts)),
        together=numerals.together,
        order=[f"{number} of {name}" for name, number in Counter(order).items()],
        sheets=sheets,
        phantoms=all(found.phantoms for found in findings.values()),
    )


def _facts(findings: Findings) -> dict[str, str]:
    prepared, trained = findings.of(PrepareResult), findings.of(TrainResult)
    generated = findings.of(GenerateResult)
    facts = {}
    if prepared is not None:
        facts["images learned from"] = numerals.count(prepared.train_images)
        facts["images held out"] = numerals.count(prepared.test_images)
        facts["classes"] = ", ".join(prepared.class_names) or "none"
        facts["resolution"] = f"{prepared.resolution} × {prepared.resolution}"
    if trained is not None:
        facts["generator"] = generator_title(trained)
        facts["start"] = started_from(findings) or "from scratch"
        facts["kimg"] = f"{trained.kimg:g}"
        facts["trained for"] = numerals.duration(trained.seconds)
        facts["device"] = trained.device
    if generated is not None:
        facts["images drawn"] = numerals.count(generated.images)
        facts["truncation"] = f"{generated.truncation_psi:g}"
        if generated.made_elsewhere:
            facts["generator"], facts["truncation"] = "another program", "–"
    return facts


def _scores(findings: Findings) -> Iterator[tuple[str, str, _Measured]]:
    evaluated = findings.of(EvaluateResult)
    for score in () if evaluated is None else evaluated.scores:
        if score.group == OVERALL and score.value is not None:
            value = ComparedValue(
                score.value,
                score.low,
                score.high,
                score.baseline,
                score.verdict,
                reading(score),
                score.n_real,
            )
            kind = score.name.partition("[")[0]
            terms = f"{score.name} {score.fingerprint} images={score.n_real}+{score.n_synthetic}"
            yield kind, score.name, _Measured(terms, score.better, in_words(score.name), value)


def _utility(findings: Findings) -> Iterator[tuple[str, str, _Measured]]:
    result, prepared = findings.of(UtilityResult), findings.of(PrepareResult)
    record = findings.records.get("prepare")
    for arm in () if result is None else result.arms:
        if result is None or prepared is None or record is None or not sum(arm.learned_from.values()):
            continue
        if arm.arm not in ("Base", *QUESTIONS):
            continue
        held_out = record.outputs.get(prepared.test_archive or "", record.digest)[:12]
        if arm.arm == "GAN-test":  # tested on the run's own synthetic images
            held_out = record.digest[:12]
        steps = next((each.steps for each in result.classifiers if each.name == arm.classifier), 0)
        classes = "/".join(name.replace(" ", "_") for name in result.class_names)
        terms = f"classifier={arm.classifier}:{steps} held-out={held_out} class={classes} n={arm.tested}"
        reached = arm.balanced_accuracy
        value = ComparedValue(reached.value, reached.low, reached.high, None, "", "", arm.tested)
        words = f"{QUESTIONS.get(arm.arm, 'Learned from real images')} ({arm.arm}, {NAMES[arm.classifier]})"
        yield f"{arm.arm} {arm.classifier}", arm.arm, _Measured(terms, "higher", words, value)


def _inspected(findings: Findings) -> Iterator[tuple[str, str, _Measured]]:
    result = read_inspection(findings.run)
    if result is None or result.overall is None:
        return
    terms = f"kinds={'/'.join(kind.replace(' ', '_') for kind in sorted(result.kinds))}"
    for kind, rate in {"any artifact": result.overall, **result.kinds}.items():
        name = kind if kind == "any artifact" else name_of(kind)
        value = ComparedValue(rate.share, rate.low, rate.high, None, "", "", rate.n)
        of_kind = terms if kind == "any artifact" else ""
        yield kind, name, _Measured(of_kind, "lower", name, value)


def _rows(
    runs: Mapping[str, tuple[Findings, tuple[StageName, ...]]],
    stage: StageName | None,
    measured: Callable[[Findings], Iterator[tuple[str, str, _Measured]]],
) -> tuple[ComparedRow, ...]:
    """A row for each quantity and the terms on which it was measured; `stage` is the one that did."""
    kinds: dict[str, dict[str, list[tuple[str, str, _Measured]]]] = {}
    for run, (findings, _) in runs.items():
        for kind, name, one in measured(findings):
            kinds.setdefault(kind, {}).setdefault(one.terms, []).append((run, name, one))
    rows = []
    for alike in kinds.values():
        # What most runs share stands first; what stands apart says how it differs from that.
        groups = sorted(alike.items(), key=lambda group: -len(group[1]))
        for terms, found in groups:
            name, first = found[0][1:]
            values = {run: replace(each.value, stale=stage in runs[run][1]) for run, _, each in found}
            marked = set() if name == NEAR_COPIES else _best(values, first.better)
            rows.append(
                ComparedRow(
                    name=name,
                    words=capitalised(first.words),
                    direction=DIRECTIONS[first.better],
                    apart="" if terms == groups[0][0] else _why_apart(groups[0][0], terms),
                    values={run: replace(value, best=run in marked) for run, value in values.items()},
                )
            )
    return tuple(rows)


def _best(values: Mapping[str, ComparedValue], better: Direction) -> set[str]:
    """The run whose interval lies wholly on the better side of all others; stale values win nothing."""
    if len(values) < 2 or better == "as real":
        return set()
    ends = {}
    for run, each in values.items():
        if each.low is None or each.high is None or each.stale:
            return set()
        ends[run] = (each.low, each.high) if better == "lower" else (-each.high, -each.low)
    first = min(ends, key=lambda run: ends[run])
    return {first} if all(ends[first][1] < low for run, (low, _) in ends.items() if run != first) else set()


def _why_apart(first: str, other: str) -> str:
    """In words, how the terms of two measurements differ."""
    parts = [dict(part.partition("=")[::2] for part in terms.split()) for terms in (first, other)]
    differing = {key for key in parts[0].keys() | parts[1].keys() if parts[0].get(key) != parts[1].get(key)}
    why = [words for key, words in DIFFERENCES.items() if key in differing]
    if any(not value for part in parts for key, value in part.items() if key in differing):
        why.insert(0, "another extractor, or other weights or preprocessing of it")
    return ", ".join(dict.fromkeys(why)) or "other settings of the measure"


def _settings(findings: Findings) -> dict[str, Any]:
    """All settings that may be passed on, by dotted name; those of the training as they were resolved."""
    config, trained = findings.config, findings.of(TrainResult)
    groups = sections(config)
    found: dict[str, Any] = {
        name: value
        for name, value in kept_settings(config).items()
        if name not in groups and name not in ("name", "folder")
    }
    for section, group in groups.items():
        for name, value in kept_settings(group).items():
            resolved = trained.settings.get(name) if trained is not None and section == "train" else None
            found[f"{section}.{name}"] = resolved if value == "auto" and resolved is not None else value
    cleaned: dict[str, Any] = without_paths(found)
    return cleaned


def _differing(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    keys = dict.fromkeys(key for found in settings.values() for key in found)
    rows = {key: {run: found.get(key) for run, found in settings.items()} for key in keys}
    return {
        key: values
        for key, values in rows.items()
        if any(value != next(iter(values.values())) for value in values.values())
    }


def _sheets(findings: Mapping[str, Findings]) -> tuple[list[str], list[tuple[str, Picture | None]]]:
    """Eight synthetic images of each run, drawn at random, whose classes come in the same order; and that order."""
    sets = {run: found.synthetic for run, found in findings.items()}
    names = list(
        dict.fromkeys(name for data in sets.values() if data is not None for name in data.class_names)
    )
    order = sorted((names[slot % len(names)] for slot in range(PICTURES)), key=names.index) if names else []
    sheets: list[tuple[str, Picture | None]] = []
    for run, data in sets.items():
        if data is None:
            sheets.append((run, None))
            continue
        side = min(SIDE, data.resolution)
        pools: dict[str, list[int]] = {}
        for index in np.random.default_rng(0).permutation(len(data)).tolist():
            pools.setdefault(data.class_names[data.labels[index]] if data.class_names else "", []).append(
                index
            )
        blank = with_channels(np.full((side, side), 255, np.uint8), data.channels)
        tiles = []
        for slot in range(PICTURES):
            pool = pools.get(order[slot] if data.class_names else "")
            tiles.append(shown(data, pool.pop(), side) if pool else blank)
        sheets.append((run, sheet(np.stack(tiles), COLUMNS, SYNTHETIC_TEXT, HALF_WIDTH)))
    return order, sheets
