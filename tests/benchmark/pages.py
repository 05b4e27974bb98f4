"""Measures what a first visit to pages costs: requests, bytes, other hosts, axe, Lighthouse.

    python tests/benchmark/pages.py _build/html index.html recipes/index.html [--lighthouse PROGRAM]

The folder, of any site, is served on this machine as static hosts do, compressed. Lighthouse
(mobile and desktop) runs where its program is given; it comes from the npm registry.
"""

import argparse
import functools
import gzip
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))
from conftest import CHROMIUM, OPTIONS

CATEGORIES = ("performance", "accessibility", "best-practices", "seo")


class Compressed(http.server.SimpleHTTPRequestHandler):
    """Serves text compressed, and lets browsers keep everything."""

    def log_message(self, *args):
        pass

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        body, kind = path.read_bytes(), self.guess_type(path)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if kind.startswith("text/") or path.suffix in (".js", ".svg"):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Cache-Control", "max-age=31536000")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None


def visit(browser, address):
    """Return requests, kilobytes from this host, other hosts and axe's violations of a first visit."""
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    network, asked, size = page.context.new_cdp_session(page), [], []
    network.send("Network.enable")
    network.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
    network.on("Network.loadingFinished", lambda event: size.append(event["encodedDataLength"]))
    page.goto(address)
    page.wait_for_timeout(2000)
    hosts = {urlsplit(url).hostname for url in asked if url.startswith("http")} - {"127.0.0.1"}
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    page.context.close()
    violations = ", ".join(f"{rule['id']} ({len(rule['nodes'])})" for rule in found)
    return [len(asked), round(sum(size) / 1000), ", ".join(sorted(hosts)) or "none", violations or "none"]


def lighthouse(program, address):
    """Return Lighthouse's scores of a page, 0 to 100, for mobile and for desktop."""
    scores = []
    for more in ([], ["--preset=desktop"]):
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            subprocess.run(
                [
                    program,
                    address,
                    "--quiet",
                    "--output=json",
                    f"--output-path={file.name}",
                    *more,
                    f"--only-categories={','.join(CATEGORIES)}",
                    f"--chrome-flags=--headless=new {' '.join(OPTIONS)}",
                ],
                env={**os.environ, "CHROME_PATH": CHROMIUM},
                check=True,
                capture_output=True,
            )
            found = json.loads(Path(file.name).read_text())["categories"]
        scores.append("/".join(str(round(found[name]["score"] * 100)) for name in CATEGORIES))
    return scores


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("pages", nargs="+")
    parser.add_argument("--lighthouse", metavar="PROGRAM")
    arguments = parser.parse_args()
    handler = functools.partial(Compressed, directory=arguments.folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        for page in arguments.pages:
            address = f"http://127.0.0.1:{server.server_port}/{page}"
            row = [page, *visit(browser, address)]
            if arguments.lighthouse:
                row += lighthouse(arguments.lighthouse, address)
            print(f"| {' | '.join(map(str, row))} |", flush=True)
        browser.close()
        server.shutdown()


if __name__ == "__main__":
    main()
