"""A full training iteration on CPU: ours beside the reference implementation's CPU path.

    python benchmarks/training_step.py --peer ../stylegan3 [--threads 2] [--cases t-64-8 r-256-4 ...]
    python benchmarks/training_step.py --peer ../stylegan3 --dtype bfloat16 --cases t-64-2-16384-512 r-64-2-16384-512

An iteration is one update of G, one of D and the lazy R1 penalty's 16th part, Adam included; neither side
augments or reads images. See turns.py for who runs how.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from turns import Case, Clock, Run, Times, in_turns, options_parser, serve, start

from gist.generators.gan.losses import discriminator_loss, generator_loss, r1_penalty
from gist.generators.gan.state import R1_INTERVAL, lazy_adam
from gist.ops.shares import in_shares

GAMMA = 1.0
Loss = Callable[[str], None]


def our_losses(case: Case, G: Any, D: Any, device: str = "cpu") -> Loss:
    real_NCHW = torch.rand(case.batch, 1, case.resolution, case.resolution, device=device) * 2 - 1

    def generated() -> torch.Tensor:
        ws_NLW = G.mapping(torch.randn(case.batch, 512, device=device), update_emas=True)
        return in_shares(draw, G.synthesis, ws_NLW)

    def draw(_: slice, ws_NLW: torch.Tensor) -> torch.Tensor:
        magnitudes: list[torch.Tensor] = []
        images_NCHW: torch.Tensor = G.synthesis(ws_NLW, noise_mode="random", magnitudes=magnitudes)
        return images_NCHW

    def features(images_NCHW: torch.Tensor) -> torch.Tensor:
        return in_shares(lambda _, x: D.features(x), D, images_NCHW)

    def accumulate(phase: str) -> None:
        if phase == "G":
            generator_loss(D.judge(features(generated()))).backward()  # type: ignore[no-untyped-call]
        elif phase == "D":
            fake, real = features(torch.cat([generated(), real_NCHW])).chunk(2)
            loss = discriminator_loss(D.judge(fake), real=False) + discriminator_loss(
                D.judge(real), real=True
            )
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            images_NCHW = real_NCHW.clone().requires_grad_()
            penalty = r1_penalty(D(images_NCHW), images_NCHW, D.gradient_seen)
            (penalty * (GAMMA / 2 * R1_INTERVAL)).backward()  # type: ignore[no-untyped-call]

    return accumulate


def peer_losses(case: Case, G: Any, D: Any, device: str = "cpu") -> Loss:
    from training.loss import StyleGAN2Loss

    loss = StyleGAN2Loss(device=torch.device(device), G=G, D=D, r1_gamma=GAMMA)
    real_NCHW = torch.rand(case.batch, 1, case.resolution, case.resolution, device=device) * 2 - 1
    c = torch.zeros(case.batch, 0, device=device)
    phases = {"G": ("Gmain", 1), "D": ("Dmain", 1), "R1": ("Dreg", R1_INTERVAL)}

    def accumulate(phase: str) -> None:
        name, gain = phases[phase]
        loss.accumulate_gradients(
            phase=name,
            real_img=real_NCHW,
            real_c=c,
            gen_z=torch.randn(case.batch, 512, device=device),
            gen_c=c,
            gain=gain,
            cur_nimg=10**6,
        )

    return accumulate


def iteration(dtype: torch.dtype) -> Run:
    """One iteration on CPU, timed by phase; the layers of our networks compute in `dtype`."""

    def run(case: Case, ours: bool, clock: Clock) -> Callable[[], Times]:
        G, D = case.networks() if ours else case.peer_networks()
        if ours:
            G.synthesis.inner_dtype = D.inner_dtype = dtype
        return timed_iteration(case, ours, clock, G, D, "cpu")

    return run


def timed_iteration(case: Case, ours: bool, clock: Clock, G: Any, D: Any, device: str) -> Callable[[], Times]:
    """One iteration of these networks, which are on `device`."""
    accumulate = (our_losses if ours else peer_losses)(case, G.train(), D.train(), device)
    optimizers = {"G": lazy_adam(G, 0.0025, None), "D": lazy_adam(D, 0.002, R1_INTERVAL)}
    optimizers["R1"] = optimizers["D"]

    def repeat() -> Times:
        seconds = {}
        for phase, optimizer in optimizers.items():
            began = clock()
            G.requires_grad_(phase == "G")
            D.requires_grad_(phase != "G")
            optimizer.zero_grad(set_to_none=True)
            accumulate(phase)
            optimizer.step()
            seconds[phase] = clock() - began
        return seconds

    return repeat


def per_1000_images(case: Case, times: Times) -> float:
    return (times["G"] + times["D"] + times["R1"] / R1_INTERVAL) / case.batch * 1000


def main() -> None:
    cases = "t-64-8 r-64-8 stylegan2-64-8 t-256-4 r-256-4 stylegan2-256-4"
    options = options_parser(__doc__, cases).parse_args()
    if options.worker:
        serve(options, iteration(getattr(torch, options.dtype)))
        return
    start(options)
    print(
        "config-resolution-batch-base-max  side         G s    D s   R1 s  s per 1000 images  peak GB  times ours"
    )
    for case in map(Case.parse, options.cases):
        ours = 0.0
        for side, times in in_turns(options, case):
            seconds = per_1000_images(case, times)
            ours = seconds if side == "ours" else ours
            phases = " ".join(f"{times[phase]:6.3f}" for phase in ("G", "D", "R1"))
            ratio = "" if side == "ours" else f"{seconds / ours:10.2f}x"
            print(
                f"{case!s:<33} {side:<10} {phases} {seconds:18.1f} {times['peak_gb']:8.1f} {ratio}",
                flush=True,
            )


if __name__ == "__main__":
    main()
