"""The real site, built once for all tests, a browser, and tiny sites for what must go wrong."""

import functools
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import sync_playwright

pytest_plugins = ["fault_table"]
# A shell's background jobs ignore Ctrl-C, and so would the builds that are started here.
signal.signal(signal.SIGINT, signal.default_int_handler)
ROOT = Path(__file__).parent.parent
RECIPES = sorted(
    path.relative_to(ROOT / "recipes_source").with_suffix("").as_posix()
    for path in (ROOT / "recipes_source").glob("*/[!_]*.py")
)
PAGES = ["index", "recipes/index", "recipes/troubleshooting/index", "search", "errors", "doctor", "404"]
PAGES += [f"recipes/{name}" for name in RECIPES]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Makes what the page's security policy blocks an error of the console.
VIOLATIONS = "addEventListener('securitypolicyviolation', e => console.error(e.violatedDirective, e.blockedURI))"
#: Ends when the page has laid itself out and acted on it.
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def command(source, out, *options):
    """Return the command that builds as `make html` does, with what was read beside *out*."""
    doctrees = str(out.parent / "doctrees")
    return [sys.executable, "-m", "sphinx", "-nW", "--keep-going", "-d", doctrees, *options, str(source), str(out)]


def declared(environment):
    """Return the environment of a build, with the date of all tests; None removes a variable."""
    ours = {"NO_COLOR": "1", "SOURCE_DATE_EPOCH": "1700000000"}
    return {k: v for k, v in {**ours, **os.environ, **environment}.items() if v is not None}


def sphinx(source, out, *options, python=sys.executable, **environment):
    """Run Sphinx in a process of its own; return what it printed."""
    return subprocess.run(
        [str(python), *command(source, out, *options)[1:]],
        capture_output=True,
        text=True,
        env=declared(environment),
        timeout=550,
        cwd=source,
    )


def pytest_collection_modifyitems(items):
    """Mark the tests that need a browser."""
    for item in items:
        if "browser" in item.fixturenames:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def site():
    """The folder of the built site; the build must end well and without a warning.

    It is made in a folder of its own, since it declares a date, which no page of a user may have.
    Each worker of pytest-xdist builds it: the first one makes it, the next find no change.
    """
    out = ROOT / "_build/test/html"
    done = sphinx(ROOT, out)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    assert not done.stderr.strip(), done.stderr
    return out


class TinySite:
    """A site with the real configuration and extensions, and recipes of the test's own.

    Parameters
    ----------
    folder : pathlib.Path
        Where to make it.
    recipes : dict
        File name to content; a name without a folder goes to the section ``section``.
    """

    def __init__(self, folder, recipes=()):
        self.folder, self.source, self.out = folder, folder / "recipes_source", folder / "_build/html"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("_ext", "_templates", "_static", "tools"):
            (folder / name).symlink_to(ROOT / name)
        conf = (ROOT / "conf.py").read_text(encoding="utf-8")
        (folder / "conf.py").write_text(f"{conf}\nrecipe_tags = []  # any tags, or none\n", encoding="utf-8")
        self.write("GALLERY_HEADER.rst", "Recipes\n=======\n\nAll of them.\n")
        (folder / "index.rst").write_text("Tiny\n====\n\n.. toctree::\n\n   recipes/index\n")
        self.add(dict(recipes))

    def write(self, name, content):
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def add(self, recipes):
        for name, content in recipes.items():
            name = name if "/" in name else f"section/{name}"
            header = f"{Path(name).parent}/GALLERY_HEADER.rst"
            if not (self.source / header).exists():
                title = Path(name).parent.name.title()
                self.write(header, f"{title}\n{'-' * len(title)}\n\nSome recipes.\n")
            self.write(name, content)

    def build(self, *options, out=None, **environment):
        """Build into *out*; return the process, with ``log`` (all that was printed, without colors)."""
        done = sphinx(self.folder, out or self.out, *options, **environment)
        log = re.sub(r"\x1b\[[\d;]*[mK]", "", done.stdout + done.stderr)
        return SimpleNamespace(code=done.returncode, log=log, errors=done.stderr)

    def start(self, **environment):
        """Start a build; return the process, with ``log``, the file with what it prints."""
        log = self.folder / f"{time.monotonic_ns()}.log"
        with open(log, "w") as file:
            build = subprocess.Popen(
                command(self.folder, self.out),
                cwd=self.folder,
                env=declared(environment),
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        build.log = log
        return build

    def page(self, name):
        return self.out / "recipes" / (name if "/" in name else f"section/{name}")


@pytest.fixture
def tiny_site(tmp_path):
    """Make a tiny site: ``tiny_site({"one.py": recipe("print(1)")})``."""
    return lambda recipes=(): TinySite(tmp_path, recipes)


@pytest.fixture(scope="module")
def module_site(tmp_path_factory):
    """The same, for all tests of a module."""
    return lambda recipes=(): TinySite(tmp_path_factory.mktemp("site"), recipes)


def recipe(code, title="A recipe", settings=""):
    """Return the text of a recipe with one code block."""
    code = textwrap.dedent(code).strip("\n")
    return f'"""\n{title}\n{"=" * len(title)}\n\nIt shows something.\n"""\n{settings}\n# %%\n# Some text.\n\n{code}\n'


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def address(site):
    """The address at which the built site is served on this machine, on a free port."""
    handler = functools.partial(Handler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    if not CHROMIUM:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("REQUIRE_BROWSER is set and there is no Chromium")
        pytest.skip("there is no Chromium: on Debian, apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


#: What the finder of error messages answers.
ASK = """texts => texts.map(text => diagnose(text).map(({ entry, paste, shown }) => (
  { url: entry.fix.url, cause: entry.cause, paste, shown, traceback: entry.traceback })))"""


@pytest.fixture(scope="session")
def ask(browser, site):
    """What the finder answers to each of some texts, the best first; the page is opened from its file."""
    tab = browser.new_page()
    complaints = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto((site / "errors.html").as_uri())
    yield lambda *texts: tab.evaluate(ASK, texts)
    tab.close()
    assert complaints == []


@pytest.fixture
def visit(browser, address):
    """Open a page in a fresh profile: ``visit("index", width=400, scheme="dark")``."""
    contexts = []

    def visit(name, width=1400, scheme="light", query=""):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.add_init_script(VIOLATIONS)
        page.on("console", lambda m: m.type in ("error", "warning") and page.complaints.append(m.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on(  # what a page that is left was still loading is no failure
            "requestfailed",
            lambda r: r.failure == "net::ERR_ABORTED" or page.complaints.append(f"failed: {r.url} {r.failure}"),
        )
        page.on(
            "request",
            lambda r: r.url.startswith((address, "data:")) or page.complaints.append(f"remote: {r.url}"),
        )
        page.goto(f"{address}/{name}.html{query}", wait_until="load")
        return page

    yield visit
    for context in contexts:
        context.close()
