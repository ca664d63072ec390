"""The generate stage: a network file in; marked PNGs, a table of labels and a StyleGAN archive out."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gist import ops
from gist.config import Config
from gist.errors import InputError
from gist.files import sha256_of, write_atomic
from gist.generation.check import check_classes
from gist.generation.drawing import Draw, draw_pictures, draws_of_classes, draws_of_mix
from gist.generation.filter import filters_of
from gist.generation.made_elsewhere import bring_in
from gist.generation.marks import FINGERPRINTS, Marks, table_of_fingerprints
from gist.generation.network import find_network, read_network
from gist.generators.model import Model
from gist.generators.synthesis import chunk_size
from gist.images.archive import ArchiveWriter
from gist.machine.device import Device, computing, round_convolutions
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result
from gist.runs.shards import Shard, finished_shards
from gist.stages.generate import GenerateConfig, GenerateResult
from gist.stages.prepare import PrepareResult


def generate(config: Config, run: RunFolder, progress: Progress) -> GenerateResult:
    """Writes `generate.count` pictures, or `generate.per_class` of each class, from a snapshot; with `generate.source`
    those that another program made.

    Pictures that an interrupted call has written already are kept. With `generate.reject_artifacts`, pictures
    that look odder than real ones are replaced by further seeds and counted; with `generate.min_novelty` likewise
    those that lie nearer to a training image.

    Raises:
        InputError: no such network, classes that it does not know, or no held-out images to filter by.
        Stopped: a signal asked to stop.
    """
    if config.generate.source is not None:
        return bring_in(config, run, progress)
    with computing(config) as device:
        return _generated(config, run, progress, device)


def generate_shard(config: Config, run: RunFolder, folder: Path, shard: Shard, progress: Progress) -> None:
    """Draws every so-manieth chunk of the pictures into `folder`, from which `generate` takes them.

    Raises:
        InputError: as there, or pictures are filtered, and so wait for those before them.
        Stopped: a signal asked to stop.
    """
    settings = config.generate
    if not settings.in_shards:
        raise InputError(
            "Pictures that are filtered or were made elsewhere are no work for shards; leave --shard out."
        )
    with computing(config) as device:
        drawing = _begin(config, run, device, progress)
        size = chunk_size(drawing.G)
        chunks = [drawing.wanted[start : start + size] for start in range(0, len(drawing.wanted), size)]
        own = [draw for chunk in shard.of(chunks) for draw in chunk]
        if own:
            stop_file = RunFolder(folder).stop_file
            marks, channels = drawing.marks, drawing.channels
            draw_pictures(drawing.G, own, folder, settings, marks, (), progress, stop_file, channels=channels)


@dataclass(frozen=True)
class _Drawing:
    """All that drawing needs, which is the same for every shard."""

    G: Model
    network: Path
    network_hash: str
    class_names: tuple[str, ...]
    wanted: list[Draw]
    marks: Marks
    channels: int
    """Of the pictures: as the real images of the run have, else as the network draws."""


def _begin(config: Config, run: RunFolder, device: Device, progress: Progress) -> _Drawing:
    # Changes one pixel in 25, by a grey level or two, and is several times faster on a GPU.
    round_convolutions(to_tf32=True)
    network = find_network(config.generate.network, run)
    G, class_names = read_network(network)
    ops.tune_memory_allocator(one_arena=G.one_arena)
    G = G.to(device.torch_device).eval().requires_grad_(False)
    wanted = _wanted(config.generate, class_names, run)
    network_hash = sha256_of(network)
    ops.prepare(device.torch_device, progress.note)
    prepared = finished_result(run, PrepareResult)
    return _Drawing(
        G=G,
        network=network,
        network_hash=network_hash,
        class_names=class_names,
        wanted=wanted,
        marks=Marks(network_hash, class_names, config.generate),
        channels=G.img_channels if prepared is None else prepared.channels,
    )


def _generated(config: Config, run: RunFolder, progress: Progress, device: Device) -> GenerateResult:
    settings = config.generate
    drawing = _begin(config, run, device, progress)
    network, network_hash, class_names = drawing.network, drawing.network_hash, drawing.class_names
    counts = Counter(draw.label for draw in drawing.wanted)
    filters = filters_of(config, run, drawing.G.img_resolution, device, progress)

    folder = run.stage_folder("generate")
    images = folder / "images"
    for shard in finished_shards("generate", config, run):
        images.mkdir(exist_ok=True)
        for file in shard.glob("*.png"):
            file.replace(images / file.name)

    marks = drawing.marks
    drawn = draw_pictures(
        drawing.G,
        drawing.wanted,
        images,
        settings,
        marks,
        filters,
        progress,
        run.stop_file,
        channels=drawing.channels,
    )
    for each in filters:
        if rejected := drawn.rejected[each.column]:
            why = ", ".join(f"{count} for {reason}" for reason, count in rejected.most_common())
            progress.note(f"{rejected.total()} pictures were dropped by the {each.name}: {why}.")

    archive = folder / "synthetic.zip"
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["file", "label", "seed", *(each.column for each in filters)])
    with ArchiveWriter(archive, class_names) as writer:
        for draw in drawn.kept:
            file = draw.file(images)
            writer.add(file.read_bytes(), draw.label if class_names else None)
            p_values = [f"{drawn.p_values[each.column][draw.seed]:.6g}" for each in filters]
            name = class_names[draw.label] if class_names else ""
            rows.writerow([f"images/{file.name}", name, draw.seed, *p_values])
    labels_table = folder / "labels.csv"
    write_atomic(labels_table, table.getvalue().encode())
    if settings.fingerprints:
        files = [draw.file(images) for draw in drawn.kept]
        write_atomic(folder / FINGERPRINTS, table_of_fingerprints(folder, files))
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
        reject_level=settings.reject_artifacts,
        rejected=dict(drawn.rejected["p"].most_common()),
        min_novelty=settings.min_novelty,
        near_copies=drawn.rejected["novelty"].total(),
        marks=marks.told,
    )


def _wanted(settings: GenerateConfig, class_names: tuple[str, ...], run: RunFolder) -> list[Draw]:
    """The pictures that are asked for; all of class 0 for a network without classes."""
    check_classes(settings.per_class, class_names)
    if settings.per_class is None:
        mix = _training_mix(class_names, run) if class_names else [1]
        return draws_of_mix(settings.count, mix, settings.first_seed)
    counts = [settings.per_class.get(name, 0) for name in class_names]
    return draws_of_classes(counts, settings.first_seed)


def _training_mix(class_names: tuple[str, ...], run: RunFolder) -> list[int]:
    prepared = finished_result(run, PrepareResult)
    known = {} if prepared is None else prepared.class_counts
    if all(name in known for name in class_names):
        return [known[name]["train"] for name in class_names]
    return [1] * len(class_names)


def _shown(network: Path, run: RunFolder) -> str:
    """The network's name for the record: relative inside the run folder, else the bare file name."""
    return run.relative(network) if network.is_relative_to(run.path) else network.name
