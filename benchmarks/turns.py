"""Ours and the reference implementation in processes of their own, which take turns on the same cores.

The reference implementation is a checkout of github.com/NVlabs/stylegan3 outside this repository (`--peer`); only
its networks and loss are called. It runs twice: with the C library's memory allocation as it comes, as a user
would run it, and with the allocation that ours sets for itself. At most two processes are alive at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gist import ops
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.spec import NetworkSpec

Times = dict[str, float]
"""Seconds by phase, and `peak_gb` of the process so far."""

Clock = Callable[[], float]
SIDES = ("ours", "peer", "peer-tuned")
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
_ARCHITECTURES = {"t": "stylegan3-t", "r": "stylegan3-r", "stylegan2": "stylegan2"}


@dataclass(frozen=True)
class Case:
    """One line of a table: configuration, sizes and width of the networks (1 channel, z = w = 512)."""

    config: str
    resolution: int
    batch: int
    base: int
    most: int

    @classmethod
    def parse(cls, text: str) -> Case:
        """From CONFIG-RESOLUTION-BATCH[-BASE-MAX], such as t-64-8 or r-64-2-16384-512."""
        config, resolution, batch, *width = text.split("-")
        base, most = map(int, width or (2048, 64))
        return cls(config, int(resolution), int(batch), base, most)

    def __str__(self) -> str:
        return f"{self.config}-{self.resolution}-{self.batch}-{self.base}-{self.most}"

    @property
    def alias_free(self) -> bool:
        return self.config in ("t", "r")

    @property
    def wider(self) -> int:
        """Configuration R has twice the channels of the others."""
        return 2 if self.config == "r" else 1

    def networks(self) -> tuple[Any, Any]:
        """Our generator and discriminator."""
        spec = NetworkSpec(
            _ARCHITECTURES[self.config],
            self.resolution,
            channel_base=self.base * self.wider,
            channel_max=self.most * self.wider,
            mapping_layers=2,
        )
        return build_generator(spec), build_discriminator(spec)

    def peer_networks(self) -> tuple[Any, Any]:
        """The reference implementation's, of the same widths and depths."""
        from training import networks_stylegan2, networks_stylegan3

        options: dict[str, Any] = {
            "channel_base": self.base * self.wider,
            "channel_max": self.most * self.wider,
            "mapping_kwargs": {"num_layers": 2},
        }
        if self.config == "r":
            options |= {"conv_kernel": 1, "use_radial_filters": True}
        module = networks_stylegan2 if self.config == "stylegan2" else networks_stylegan3
        sizes = {"c_dim": 0, "img_resolution": self.resolution, "img_channels": 1}
        generator = module.Generator(z_dim=512, w_dim=512, **sizes, **options)
        discriminator = networks_stylegan2.Discriminator(
            **sizes, channel_base=self.base, channel_max=self.most, conv_clamp=256
        )
        return generator, discriminator


Run = Callable[[Case, bool, Clock], Callable[[], Times]]
"""For a case, ours or the peer, and a clock: what does one repeat."""


def make_peer_importable(checkout: str) -> None:
    """Its code asks a module for version numbers that current setuptools no longer brings along."""
    from packaging.version import parse

    sys.path.insert(0, checkout)
    stand_in = types.ModuleType("pkg_resources")
    stand_in.parse_version = parse  # type: ignore[attr-defined]
    sys.modules["pkg_resources"] = stand_in


def options_parser(doc: str | None, cases: str) -> argparse.ArgumentParser:
    """The options that the benchmarks share."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="checkout of NVlabs/stylegan3; without it only ours is timed")
    parser.add_argument(
        "--cases", nargs="+", default=cases.split(), help="CONFIG-RESOLUTION-BATCH[-BASE-MAX]"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--cores", help="run on these cores only, such as 0 or 0,1")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--clock",
        choices=list(CLOCKS),
        default="wall",
        help="processor: seconds of processor time, for one thread on a machine that is shared",
    )
    parser.add_argument(
        "--dtype", choices=["float32", "bfloat16", "float16"], default="float32", help="of ours"
    )
    parser.add_argument("--worker", choices=SIDES, help=argparse.SUPPRESS)
    return parser


def peak_gb() -> float:
    """Highest resident memory of this process so far (ru_maxrss would include the parent's before the exec)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def serve(options: argparse.Namespace, run: Run) -> None:
    """The process of one side: one repeat for each line on stdin, its times as JSON on stdout."""
    if options.worker != "peer":
        ops.tune_memory_allocator(one_arena=Case.parse(options.cases[0]).alias_free)
    torch.set_num_threads(options.threads)
    if options.worker != "ours":
        make_peer_importable(options.peer)
    torch.manual_seed(0)
    repeat = run(Case.parse(options.cases[0]), options.worker == "ours", CLOCKS[options.clock])
    repeat()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(repeat() | {"peak_gb": peak_gb()}), flush=True)


class _Side:
    def __init__(self, options: argparse.Namespace, case: Case, side: str) -> None:
        command = [sys.executable, sys.argv[0], "--worker", side, "--cases", str(case)]
        command += ["--threads", str(options.threads), "--clock", options.clock, "--dtype", options.dtype]
        command += ["--peer", options.peer] if options.peer else []
        environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
        if side != "ours":
            del environment["GOMP_SPINCOUNT"]  # which gist sets for itself
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._answer("ready")

    def _answer(self, wanted: str) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(wanted):
                return line
        raise SystemExit("a benchmark process stopped; its message stands above")

    def repeat(self) -> Times:
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)
        times: Times = json.loads(self._answer("{"))
        return times

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def in_turns(
    options: argparse.Namespace,
    case: Case,
    pairs: tuple[tuple[str, ...], ...] = (("ours", "peer-tuned"), ("ours", "peer")),
) -> Iterator[tuple[str, Times]]:
    """(side, medians of `repeats`) of ours beside each form of the peer; ours comes once with each."""
    for pair in pairs if options.peer else (("ours",),):
        sides = [_Side(options, case, side) for side in pair]
        rounds = [[side.repeat() for side in sides] for _ in range(options.repeats)]
        for side in sides:
            side.stop()
        for name, times in zip(pair, zip(*rounds, strict=True), strict=True):
            yield name, {key: statistics.median(time[key] for time in times) for key in times[0]}


def start(options: argparse.Namespace) -> None:
    """Pins the processes and says on what they run."""
    if options.cores:
        os.sched_setaffinity(0, {int(core) for core in options.cores.split(",")})
    print(
        f"{platform.machine()}, torch {torch.__version__}, {options.threads} thread(s), ours in {options.dtype},",
        end=" ",
    )
    print(f"medians of {options.repeats}, {options.clock} clock")
