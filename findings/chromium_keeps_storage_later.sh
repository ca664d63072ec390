#!/usr/bin/env bash
# Expected: localStorage is synchronous, so what setItem has returned from survives the end of the browser, as a file that
# was written survives the end of a program; the system itself goes on running here.
#
# Found: Chromium writes localStorage down seconds later, from a process that dies with the browser. Killed a second after
# setItem returned, it comes back without the item; killed eight seconds after, with it. A transaction of IndexedDB with
# durability "strict" that has told of its completion is there each time, also for a page from a file:// address.
# Needs Debian's chromium.
set -euo pipefail
command -v chromium >/dev/null || { echo "install the Debian package chromium first"; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install playwright==1.65.2 2>/dev/null

cat >check.py <<'PY'
import os
import shutil
import signal
import time
from importlib.metadata import version
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

PAGE = Path("page.html").resolve()
PAGE.write_text("<!doctype html><title>storage</title>")
OPEN = """const request = indexedDB.open("d", 1);
request.onupgradeneeded = () => request.result.createObjectStore("s");
request.onsuccess = () => {"""
PUT = """value => new Promise(done => { localStorage.setItem("k", value); %s
const work = request.result.transaction("s", "readwrite", {durability: "strict"});
work.objectStore("s").put(value, "k"); work.oncomplete = done; } })""" % OPEN
GET = """() => new Promise(done => { %s
const asked = request.result.transaction("s").objectStore("s").get("k");
asked.onsuccess = () => done([localStorage.getItem("k"), asked.result]); } })""" % OPEN


def opened(running, profile):
    chromium = shutil.which("chromium")
    context = running.chromium.launch_persistent_context(profile, executable_path=chromium, args=["--no-sandbox"])
    context.pages[0].goto(PAGE.as_uri())
    return context


def kill(profile):
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.fsencode(profile) in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass


found = {}
for seconds in (1, 8):
    profile = str(Path(f"profile-{seconds}").resolve())
    with sync_playwright() as running:
        context = opened(running, profile)
        context.pages[0].evaluate(PUT, "kept")
        time.sleep(seconds)
        kill(profile)
        try:
            context.close()
        except Error:
            pass
    with sync_playwright() as running:
        context = opened(running, profile)
        name = context.browser.version if context.browser else ""
        found[seconds] = context.pages[0].evaluate(GET)
        context.close()
print("playwright", version("playwright"), "chromium", name or os.popen("chromium --version").read().strip())
for seconds, (local, database) in found.items():
    print(f"killed {seconds} s after: localStorage {local!r}, IndexedDB {database!r}")
raise SystemExit(found != {1: [None, "kept"], 8: ["kept", "kept"]})
PY
venv/bin/python check.py
