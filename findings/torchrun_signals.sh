#!/usr/bin/env bash
# Expected: `torchrun --signals-to-handle SIGUSR1` adds the signal of SLURM's --signal=USR1 to those that torchrun passes on to
# its workers, SIGTERM among them; and a worker that heeds the signal and ends with 0 makes torchrun end with 0.
# Found: the list replaces the usual one. With SIGUSR1 alone a SIGTERM, from scancel or a preemption, now kills torchrun on
# the spot; the workers are told nothing, run on without a parent, and, as each has a session of its own, no signal to the
# process group reaches them. Named together, both are passed on, but torchrun ends with 1 although every worker ended
# with 0: a batch script cannot tell by the exit code whether a stop was clean.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install --retries 0 --extra-index-url https://download.pytorch.org/whl/cpu torch==2.13.0 2>/dev/null

cat >worker.py <<'PY'
import os, signal, sys
from pathlib import Path

signals = {signal.SIGTERM, signal.SIGUSR1}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
told = Path(sys.argv[1])
(told / "starting").write_text(str(os.getpid()))
(told / "starting").rename(told / "pid")
(told / "heard").write_text(signal.Signals(signal.sigwait(signals)).name)
PY
cat >check.py <<'PY'
import os, signal, subprocess, sys, time
from importlib.metadata import version
from pathlib import Path


def stopped(named, sent):
    """How torchrun ended, what the worker heard of it, and whether it still runs."""
    told = Path(f"{named}-{sent.name}")
    told.mkdir()
    options = ["--signals-to-handle", named] if named else []
    launcher = subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1", *options, "worker.py", str(told)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    while not (told / "pid").exists():
        if launcher.poll() is not None:
            sys.exit("torchrun did not start its worker.")
        time.sleep(0.1)
    launcher.send_signal(sent)
    code = launcher.wait(timeout=120)
    worker = int((told / "pid").read_text())
    try:
        os.kill(worker, 0)
    except ProcessLookupError:
        return code, (told / "heard").read_text(), "ended"
    heard = (told / "heard").read_text() if (told / "heard").exists() else "nothing"
    own_session = os.getsid(worker) == worker
    os.kill(worker, signal.SIGTERM)
    return code, heard, "left running, in a session of its own" if own_session else "left running"


print("torch", version("torch"))
found = {}
for named, sent in (
    (None, signal.SIGTERM), (None, signal.SIGUSR1), ("SIGUSR1", signal.SIGTERM), ("SIGTERM,SIGUSR1", signal.SIGUSR1),
):
    found[named, sent.name] = seen = stopped(named, sent)
    print(f"--signals-to-handle {named or '(none)':17} {sent.name}: torchrun {seen[0]:4}, worker heard {seen[1]}, {seen[2]}")
left = "left running, in a session of its own"
if found != {
    (None, "SIGTERM"): (1, "SIGTERM", "ended"),
    (None, "SIGUSR1"): (-signal.SIGUSR1, "nothing", left),
    ("SIGUSR1", "SIGTERM"): (-signal.SIGTERM, "nothing", left),
    ("SIGTERM,SIGUSR1", "SIGUSR1"): (1, "SIGUSR1", "ended"),
}:
    sys.exit("The behaviour has changed.")
print("As found: name every signal that matters, and do not ask the exit code.")
PY
timeout 600 venv/bin/python check.py
