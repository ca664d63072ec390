"""The public verbs: what `import gist` offers and the command line calls."""

from gist.verbs.comparing import compare
from gist.verbs.looks import count_answers, demo, export_images, inspect, plan, weights
from gist.verbs.networks import networks
from gist.verbs.pictures import draw, generate_folder
from gist.verbs.pieces import compare_images, import_network, load_generator, open_archive, smoothness
from gist.verbs.releasing import check_release, release
from gist.verbs.sets import audit_folders, evaluate_folders
from gist.verbs.stages import (
    evaluate,
    evaluate_snapshots,
    generate,
    list_runs,
    measure_privacy,
    measure_utility,
    prepare,
    report,
    run,
    run_shard,
    run_stage,
    status,
    stop,
    train,
)
from gist.verbs.verifying import verify

__all__ = [
    "audit_folders",
    "check_release",
    "compare",
    "compare_images",
    "count_answers",
    "demo",
    "draw",
    "evaluate",
    "evaluate_folders",
    "evaluate_snapshots",
    "export_images",
    "generate",
    "generate_folder",
    "import_network",
    "inspect",
    "list_runs",
    "load_generator",
    "measure_privacy",
    "measure_utility",
    "networks",
    "open_archive",
    "plan",
    "prepare",
    "release",
    "report",
    "run",
    "run_shard",
    "run_stage",
    "smoothness",
    "status",
    "stop",
    "train",
    "verify",
    "weights",
]
