"""The generate stage: a network file in; marked PNGs, a table of labels and a StyleGAN archive out."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from gist import ops
from gist.config import Config
from gist.errors import InputError
from gist.files import sha256_of, write_atomic
from gist.generation.best_snapshot import best_snapshot
from gist.generation.drawing import Draw, draw_pictures, draws_of_classes, draws_of_mix
from gist.generation.filter import judge_of_run
from gist.generators.gan.generator import Generator
from gist.generators.network_file import load_network
from gist.images.archive import ArchiveWriter
from gist.machine.device import choose_device, round_convolutions
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.stages.generate import GenerateConfig, GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.train import TrainResult
from gist.version import __version__


def generate(config: Config, run: RunFolder, progress: Progress) -> GenerateResult:
    """Writes `generate.count` pictures, or `generate.per_class` of each class, from a snapshot.

    Pictures that an interrupted call has written already are kept. With `generate.reject_artifacts`, pictures
    that look odder than real ones are replaced by further seeds and counted.

    Raises:
        InputError: no such network, classes that it does not know, or no held-out images to filter by.
        Stopped: a signal asked to stop.
    """
    device = choose_device(config)
    # Changes one pixel in 25, by a grey level or two, and is several times faster on a GPU.
    round_convolutions(to_tf32=True)
    settings = config.generate
    network = find_network(settings.network, run)
    G, class_names = _read_network(network)
    ops.tune_memory_allocator(one_arena=G.spec.is_stylegan3)
    G = G.to(device.torch_device).eval().requires_grad_(False)
    wanted = _wanted(settings, class_names, run)
    counts = Counter(draw.label for draw in wanted)
    network_hash = sha256_of(network)
    level = settings.reject_artifacts
    judge = None
    if level is not None:
        progress.note("Learning from the real images how odd a picture may look.")
        judge = judge_of_run(run, G.img_resolution, level, config.seed)
    ops.prepare(device.torch_device, progress.note)

    folder = run.stage_folder("generate")
    images = folder / "images"

    def mark(seed: int, label: int) -> dict[str, str]:
        return synthetic_mark(seed, class_names[label] if class_names else None, network_hash)

    drawn = draw_pictures(G, wanted, images, settings, mark, judge, progress)
    if drawn.rejected:
        why = ", ".join(f"{count} for {reason}" for reason, count in drawn.rejected.most_common())
        progress.note(f"{drawn.rejected.total()} pictures were dropped by the artifact filter: {why}.")

    archive = folder / "synthetic.zip"
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["file", "label", "seed", *(["p"] if judge is not None else [])])
    with ArchiveWriter(archive, class_names) as writer:
        for draw in drawn.kept:
            file = draw.file(images)
            writer.add(file.read_bytes(), draw.label if class_names else None)
            odd = [f"{drawn.p_values[draw.seed]:.6g}"] if judge is not None else []
            name = class_names[draw.label] if class_names else ""
            rows.writerow([f"images/{file.name}", name, draw.seed, *odd])
    labels_table = folder / "labels.csv"
    write_atomic(labels_table, table.getvalue().encode())
    return GenerateResult(
        archive=run.relative(archive),
        images_folder=run.relative(images),
        labels_table=run.relative(labels_table),
        images=len(drawn.kept),
        class_counts={name: counts[label] for label, name in enumerate(class_names)},
        network=_shown(network, run),
        network_sha256=network_hash,
        truncation_psi=settings.truncation_psi,
        first_seed=settings.first_seed,
        seconds=drawn.seconds,
        images_per_second=drawn.computed / drawn.seconds if drawn.computed else None,
        device=device.reason,
        last_seed=drawn.last_seed,
        reject_level=level,
        rejected=dict(drawn.rejected.most_common()),
    )


def check_generation(config: Config, run: RunFolder) -> None:
    """What `generate` would refuse of network, classes and device, told without drawing anything.

    Raises:
        InputError: as there.
    """
    choose_device(config)
    _, class_names = _read_network(find_network(config.generate.network, run))
    check_classes(config.generate.per_class, class_names)


def check_classes(per_class: Mapping[str, int] | None, class_names: tuple[str, ...]) -> None:
    """Raises InputError where `generate.per_class` does not fit a network that draws these classes."""
    if per_class is None:
        return
    unknown = [name for name in per_class if name not in class_names]
    if unknown:
        known = ", ".join(class_names) if class_names else "none, it draws without classes"
        raise InputError(f"generate.per_class names '{unknown[0]}', but the network's classes are: {known}.")
    if sum(per_class.values()) == 0:
        raise InputError(
            "generate.per_class asks for no image at all; give at least one class a number above 0."
        )


def synthetic_mark(seed: int, class_name: str | None, network_sha256: str) -> dict[str, str]:
    """PNG text chunks that every generated image carries."""
    mark = {
        "Synthetic": "YES",
        "Description": "Synthetic radiograph made by a generative network; not of a person, not for diagnosis.",
        "Software": f"gist {__version__}",
        "Seed": str(seed),
        "Network": network_sha256,
    }
    return mark if class_name is None else mark | {"Class": class_name}


def comes_from_training(wanted: str) -> bool:
    """Whether `generate.network` means what a training leaves in the run folder, under names that it chooses."""
    return wanted in ("latest", "best") or wanted.startswith("network-")


def find_network(wanted: str, run: RunFolder) -> Path:
    """The network file meant by `generate.network`.

    Raises:
        InputError: there is none.
    """
    snapshots = sorted((run.path / "train" / "snapshots").glob("network-*.safetensors"))
    if wanted == "latest":
        record = run.record("train")
        if record is not None and record.result is not None:
            return run.path / TrainResult.model_validate(record.result).snapshots[-1].file
        if snapshots:
            return snapshots[-1]
        raise InputError(
            f"{run.path} holds no trained network; run the train stage or set generate.network to a file."
        )
    if wanted == "best":
        best = best_snapshot(run)
        if best is None:
            raise InputError(
                f"No snapshot in {run.path} has been scored; run `gist evaluate RUN --all-snapshots`, set "
                "train.best_by=kid with images held out, or use generate.network=latest."
            )
        return best
    for candidate in (Path(wanted), run.path / "train" / "snapshots" / wanted):
        for file in (candidate, candidate.with_name(candidate.name + ".safetensors")):
            if file.is_file():
                return file
    known = ", ".join(file.stem for file in snapshots[-3:]) or "none"
    raise InputError(f"There is no network '{wanted}'; the newest snapshots in {run.path} are: {known}.")


def _read_network(file: Path) -> tuple[Generator, tuple[str, ...]]:
    G, metadata = load_network(file)
    return G, tuple(str(name) for name in metadata.get("class_names", ()))


def _wanted(settings: GenerateConfig, class_names: tuple[str, ...], run: RunFolder) -> list[Draw]:
    """The pictures that are asked for; all of class 0 for a network without classes."""
    check_classes(settings.per_class, class_names)
    if settings.per_class is None:
        mix = _training_mix(class_names, run) if class_names else [1]
        return draws_of_mix(settings.count, mix, settings.first_seed)
    counts = [settings.per_class.get(name, 0) for name in class_names]
    return draws_of_classes(counts, settings.first_seed)


def _training_mix(class_names: tuple[str, ...], run: RunFolder) -> list[int]:
    record = run.record("prepare")
    if record is not None and record.result is not None:
        known = PrepareResult.model_validate(record.result).class_counts
        if all(name in known for name in class_names):
            return [known[name]["train"] for name in class_names]
    return [1] * len(class_names)


def _shown(network: Path, run: RunFolder) -> str:
    """The network's name for the record: relative inside the run folder, else the bare file name."""
    return run.relative(network) if network.is_relative_to(run.path) else network.name
