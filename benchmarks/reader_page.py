"""How soon the reader's page is ready and the next image shows after a key, from the server and as one file.

    python benchmarks/reader_page.py [--images 120] [--side 512] [--bits 8]

Needs the packages playwright, FastAPI and uvicorn, and Chromium. Measured in the page itself: from the navigation's
beginning until the page takes keys, and from the key that ends an answer until the next image has been drawn.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from gist.files import sha256_of, write_atomic
from gist.images.png import encode_stored_png
from gist.reader.serve import links, write_files
from gist.reader.study.folder import KEY_FILE, TOKENS_FILE, Study, write_study

CLOCK = """
  addEventListener("keydown", (event) => { if (event.key === "Enter") window.pressed = performance.now(); }, true);
  window.shown = [];
  addEventListener("DOMContentLoaded", () => new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.attributeName === "data-ready") window.ready = performance.now();
      if (change.attributeName === "data-shown") {
        requestAnimationFrame(() => window.shown.push(performance.now() - window.pressed));
      }
    }
  }).observe(document.body, { attributes: true }));
"""


def noise_study(folder: Path, images: int, side: int, bits: int) -> Path:
    """A study of noise: neither speed nor size depends on what is shown, as nothing is compressed."""
    draws = np.random.default_rng(0)
    names = tuple(f"{number:016x}" for number in range(images))
    for name in names:
        noise = draws.integers(0, 2**bits, (side, side), np.uint16 if bits == 16 else np.uint8)
        write_atomic(folder / "images" / f"{name}.png", encode_stored_png(noise))
    write_atomic(folder / KEY_FILE, b"image,truth,class\n")
    write_atomic(folder / TOKENS_FILE, b'{"reader-1": "token"}')
    facts = {
        "kind": "single", "asks_class": False, "margin": 0.1, "planned": {}, "images": images, "repeats": 0,
        "readers": ("reader-1",), "reference_images": 0, "key_sha256": sha256_of(folder / KEY_FILE),
        "watermarked": "neither", "created": "", "side": side, "bits": bits, "class_names": (),
        "cues": {"blur": ("Blur", "")}, "order_seed": 0, "tested": names, "references": (), "patients_known": True,
        "left_out": 0,
    }  # fmt: skip
    write_study(folder, Study.model_validate(facts))
    return folder


@contextmanager
def served(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "gist", "reader", "serve", str(folder), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        while server.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).close()
                break
            except OSError:
                continue
        yield links(folder, "127.0.0.1", port)["reader-1"]
        server.terminate()


def measure(page: Page, address: str, answers: int) -> str:
    page.add_init_script(CLOCK)
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    ready = page.evaluate("window.ready")
    page.keyboard.press("Enter")
    for number in range(answers):
        page.wait_for_selector(f"body[data-shown='{number}']")
        page.wait_for_timeout(300)  # less than any reader looks
        for key in ("r", "3", "Enter"):
            page.keyboard.press(key)
    page.wait_for_selector(f"body[data-shown='{answers}']")
    page.wait_for_timeout(200)
    waits = page.evaluate("window.shown")[1:]
    worst, median = max(waits), statistics.median(waits)
    return f"ready after {ready:.0f} ms; next image after {median:.0f} ms (median of {len(waits)}), {worst:.0f} at most"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=120)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--bits", type=int, default=8, choices=(8, 16))
    parser.add_argument("--answers", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = noise_study(Path(name) / "study", options.images, options.side, options.bits)
        (file,) = write_files(folder)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        what = f"{options.images} images of {options.side}x{options.side}, {options.bits} bits"
        with served(folder) as link:
            print(f"{what}, server: {measure(browser.new_page(), link, options.answers)}", flush=True)
        size = file.stat().st_size / 2**20
        print(
            f"{what}, one file of {size:.0f} MiB: {measure(browser.new_page(), file.as_uri(), options.answers)}"
        )
        browser.close()


if __name__ == "__main__":
    main()
