"""The release gate: a package of what may be passed on of a run, and the check of one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gist.progress import Progress, Silent
from gist.verbs.new_folder import move_into, new_folder

if TYPE_CHECKING:
    from gist.releasing.checking import Checked
    from gist.releasing.package import Contents


def release(
    run: Path | str,
    out: Path | str,
    *,
    name: str | None = None,
    contents: Contents = "images",
    policy: Path | str | None = None,
    licence: str | None = None,
    credentials: Path | str | None = None,
    override: str | None = None,
    progress: Progress | None = None,
) -> Checked:
    """Writes a package of a run's images, or of its generator, where its policy allows it; else nothing.

    Args:
        out: folder that appears only when all is in it.
        name: one of several synthetic sets of the run.
        contents: the images, or the network (G_ema) that they were drawn from.
        policy: YAML file with rules in place of those that ship.
        licence: under which it is passed on, in place of `report.licence`.
        credentials: PEM file to sign the checksums with.
        override: why it is released although rules do not hold. Real images, discriminators, checkpoints, paths and
            names are refused all the same.

    Raises:
        Refused: with everything that does not hold.
        InputError: no such run or images, `out` is not empty, or policy or key are damaged.
    """
    from gist.errors import InputError
    from gist.files import write_atomic
    from gist.releasing.checking import check_package
    from gist.releasing.manifest import SUMS, sign, sums_of
    from gist.releasing.package import Refused, build_package
    from gist.releasing.policy import read_policy
    from gist.runs.findings import read_findings
    from gist.runs.pipeline import open_run

    rules = read_policy(None if policy is None else Path(policy))
    if override is not None and not override.strip():
        raise InputError("--override needs a reason, which is recorded in the package.")
    if credentials is not None:
        from gist.marking.credentials import Signer

        Signer(Path(credentials))  # which tells what is wrong with the key before anything is done
    folder, config = open_run(run, name)
    findings = read_findings(config, folder, "report")
    place, unfinished = new_folder(Path(out))
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(parents=True)
        _, sought = build_package(
            findings,
            rules,
            unfinished,
            contents=contents,
            licence=licence,
            override=override,
            signed=credentials is not None,
        )
        write_atomic(unfinished / SUMS, sums_of(unfinished))
        if credentials is not None:
            sign(unfinished, Path(credentials))
        found = check_package(unfinished, progress or Silent(), sought)
        if found.faults:
            raise Refused("Nothing was written, as the package may not be passed on:", found.faults)
        move_into(unfinished, place)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return replace(found, folder=place)


def check_release(
    folder: Path | str,
    *,
    run: Path | str | None = None,
    policy: Path | str | None = None,
    progress: Progress | None = None,
) -> Checked:
    """Checks a package, whoever made it.

    Args:
        run: a run whose real images, ids, paths and checkpoints are looked for in it.
        policy: YAML file whose `forbidden` texts are looked for.

    Raises:
        InputError: there is no package or no such run.
    """
    from gist.releasing.checking import check_package
    from gist.releasing.package import NETWORK
    from gist.releasing.policy import read_policy
    from gist.releasing.traces import Sought, sought_of
    from gist.runs.pipeline import open_run

    folder, forbidden = Path(folder), read_policy(None if policy is None else Path(policy)).forbidden
    sought = Sought()
    if run is not None:
        network = folder / NETWORK
        sought = sought_of(open_run(run)[0], forbidden, network if network.is_file() else None)
    for text in forbidden:
        sought.add_text(text, "a text that the policy forbids")
    return check_package(folder, progress or Silent(), sought)
