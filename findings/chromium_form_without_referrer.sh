#!/usr/bin/env bash
# Expected: Referrer-Policy: no-referrer keeps the Referer header away and touches nothing else, so that a form sent to the
# server that its page came from bears this server's Origin, by which servers know their own pages.
#
# Found: with no-referrer Chromium sends `Origin: null` with the form, what it also sends for a page of unknown origin, while a
# fetch of the same page bears the Origin as usual. With same-origin, which gives foreign servers no referrer either, both
# bear it. So the two headers that hardening guides recommend, no referrer and a check of Origin, refuse the site's own forms.
# Needs Debian's chromium.
set -euo pipefail
command -v chromium >/dev/null || { echo "install the Debian package chromium first"; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install playwright==1.65.2 2>/dev/null

cat >check.py <<'PY'
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from playwright.sync_api import sync_playwright

PAGE = b'<!doctype html><title>form</title><form method="post" action="/form"><button>send</button></form>'
seen = {}


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Referrer-Policy", self.server.policy)
        self.end_headers()
        self.wfile.write(PAGE)

    do_GET = answer

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen[self.server.policy, self.path] = self.headers.get("Origin")
        self.answer()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
own = f"http://127.0.0.1:{server.server_port}"
with sync_playwright() as running:
    browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    print("playwright", version("playwright"), "chromium", browser.version)
    for server.policy in ("no-referrer", "same-origin"):
        page = browser.new_page()
        page.goto(own)
        page.evaluate("fetch('/fetch', {method: 'POST'}).then(answer => answer.text())")
        with page.expect_navigation():
            page.click("button")
        page.close()
    browser.close()
for (policy, path), origin in seen.items():
    print(f"{policy}: {path[1:]} bears Origin {'its own' if origin == own else origin}")
expected = {("no-referrer", "/fetch"): own, ("no-referrer", "/form"): "null"}
expected |= {("same-origin", "/fetch"): own, ("same-origin", "/form"): own}
raise SystemExit(seen != expected)
PY
venv/bin/python check.py
