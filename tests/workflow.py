"""Runs the GitHub workflow on this machine: each ``run:`` with bash, in a fresh clone, and a stand-in for each action.

    python tests/workflow.py STORE 3.11=/usr/bin/python3.11 [3.12=/usr/bin/python3.12 ...]

runs it with these Pythons for those that ``setup-python`` is asked for, and keeps caches and artifacts in the folder
STORE: call it again, and the caches are warm. Nothing is pushed but to ``STORE/repository.git``. ``ARGS`` picks tests.
What this cannot show is GitHub itself: its runners' images, its limits, and the code of the actions.
"""

import hashlib
import itertools
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import yaml

ROOT = Path(__file__).parent.parent
WORKFLOW = ROOT / ".github/workflows/site.yml"
TOKEN = re.compile(r"'(?:[^']|'')*'|&&|\|\||[!=]=|!|[A-Za-z_][\w.-]*|\S")
OPERATORS = {"&&": " and ", "||": " or ", "!": " not ", "true": "True", "false": "False", "null": "None"}
#: What is known of a job and of a step: another key has no effect here, so it ends the run.
JOB = {"name", "runs-on", "timeout-minutes", "permissions", "env", "steps", "strategy", "needs", "if", "concurrency"}
STEP = {"id", "name", "if", "uses", "with", "run", "env", "working-directory", "shell"}


class Failed(Exception):
    """A step failed."""


class Unavailable(Exception):
    """The job asks for a Python that was not given."""


class Workflow:
    """The workflow, with caches that are kept from run to run.

    Parameters
    ----------
    top : pathlib.Path
        Where everything is: ``caches/``, ``artifacts/``, ``toolcache/``, ``work/``, ``repository.git``.
    pythons : dict
        What ``setup-python`` may be asked for to ``(full version, interpreter)``.
    prepare : callable
        Takes the folder of each fresh clone.
    environment : dict
        More environment variables for the steps.
    """

    def __init__(self, top, pythons, prepare=lambda folder: None, environment=()):
        self.top, self.pythons, self.prepare, self.environment = top, pythons, prepare, dict(environment)
        self.text = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))

    def run(self, ref="refs/heads/main", event="push"):
        """Run all jobs; return ``{job: "success", "failure", "skipped" or "unavailable"}`` and what was done."""
        self.log, results = [], {}
        shutil.rmtree(self.top / "artifacts", ignore_errors=True)
        for name, job in self.text["jobs"].items():
            assert not job.keys() - JOB, f"{name}: {job.keys() - JOB}"
            matrix = job.get("strategy", {}).get("matrix", {})
            needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            for values in itertools.product(*matrix.values()):
                one = _Job(self, job, dict(zip(matrix, values)), ref, event)
                key = " ".join([name, *map(str, values)])
                wanted = one.evaluate(job["if"]) if "if" in job else True
                ready = all(v in ("success", "unavailable") for k, v in results.items() if k.split()[0] in needs)
                results[key] = one.run() if wanted and ready else "skipped"
        return results, self.log


class _Job:
    def __init__(self, workflow, job, matrix, ref, event):
        self.workflow, self.job, self.top = workflow, job, workflow.top
        self.saving, self.path = [], os.environ["PATH"]
        name = "owner/name"
        self.context = {
            "github": {"ref": ref, "event_name": event, "repository": name, "sha": "0" * 40, "actor": "ana"},
            "runner": {"os": platform.system()},
            "secrets": {"GITHUB_TOKEN": "token"},
            "vars": {},
            "matrix": matrix,
            "steps": {},
            "env": {},
        }
        # the folder is the same for every run, as on GitHub
        self.folder = self.top / "work" / name

    # -- expressions ------------------------------------------------------------------

    def evaluate(self, expression):
        """Return the value of an expression, with or without ``${{ }}``."""
        expression = str(expression).strip().removeprefix("${{").removesuffix("}}")
        tokens = TOKEN.findall(expression)
        parts = []
        for token, after in zip(tokens, [*tokens[1:], ""]):
            if token.startswith("'"):
                parts.append(repr(token[1:-1].replace("''", "'")))
            elif token in OPERATORS:
                parts.append(OPERATORS[token])
            elif re.match(r"[A-Za-z_]", token) and after != "(":
                parts.append(f"look_up({token!r})")
            else:
                parts.append(token)
        known = {"look_up": self.look_up, "hashFiles": self.hash_files, "always": lambda: True, "success": lambda: True}
        known |= {"startsWith": str.startswith, "failure": lambda: False, "__builtins__": {}}
        return eval(" ".join(parts).strip(), known)

    def look_up(self, name):
        value = self.context
        for part in name.split("."):
            value = value.get(part, "") if isinstance(value, dict) else ""
        return value

    def hash_files(self, *patterns):
        found = {path for pattern in patterns for path in self.folder.glob(pattern) if path.is_file()}
        parts = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(found)]
        return hashlib.sha256("".join(parts).encode()).hexdigest() if parts else ""

    def fill(self, text):
        """Return *text* with the values of its expressions."""
        return re.sub(r"\$\{\{.*?\}\}", lambda match: str(self.evaluate(match[0])), str(text))

    # -- steps ---------------------------------------------------------------------------

    def run(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            for step in self.job["steps"]:
                self.step(step)
        except Unavailable:
            return "unavailable"
        except Failed as failed:
            self.workflow.log.append(f"failed: {failed}")
            return "failure"
        for path, key in reversed(self.saving):
            self.save(path, key)
        return "success"

    def step(self, step):
        assert not step.keys() - STEP, step.keys() - STEP
        if "if" in step and not self.evaluate(step["if"]):
            return
        variables = {**self.job.get("env", {}), **step.get("env", {})}
        self.context["env"] = {name: self.fill(value) for name, value in variables.items()}
        if "uses" in step:
            options = {name: self.fill(value) for name, value in step.get("with", {}).items()}
            action = step["uses"].partition("@")[0]
            outputs = ACTIONS[action](self, **{name.replace("-", "_"): value for name, value in options.items()})
        else:
            outputs = self.bash(step)
        self.context["steps"][step.get("id", "")] = {"outputs": outputs or {}}

    def bash(self, step):
        script = self.fill(step["run"])
        files = {name: self.top / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")}
        for path in files.values():
            path.write_text("")
        server = "https://github.example"
        repository = self.context["github"]["repository"]
        environment = {
            **{name: os.environ[name] for name in os.environ if name.startswith("PIP_")},
            **self.workflow.environment,
            **{name: value for name, value in self.context["env"].items() if value},
            **{name: str(path) for name, path in files.items()},
            "PATH": self.path,
            "HOME": str(self.top / "home"),
            "CI": "true",
            "GITHUB_ACTOR": self.context["github"]["actor"],
            "GITHUB_SHA": self.context["github"]["sha"],
            "GITHUB_SERVER_URL": server,
            "GITHUB_REPOSITORY": repository,
            # what is pushed to GitHub goes to a repository here
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.file://{self.top}/repository.git.insteadOf",
            "GIT_CONFIG_VALUE_0": f"https://x-access-token:token@github.example/{repository}.git",
        }
        (self.top / "home").mkdir(exist_ok=True)
        if not (self.top / "repository.git").exists():
            subprocess.run(["git", "init", "-q", "--bare", str(self.top / "repository.git")], check=True)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        if "shell" not in step:
            command = ["bash", "-e", "-c", script]
        done = subprocess.run(
            command,
            cwd=self.folder / self.fill(step.get("working-directory", ".")),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.workflow.log.append(f"$ {script.strip()}\n{done.stdout}")
        if done.returncode:
            raise Failed(f"{script.strip()} (exit code {done.returncode})")
        for kind in ("GITHUB_ENV", "GITHUB_PATH"):
            assert not files[kind].read_text(), f"{kind} is not simulated"
        return dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())

    # -- stand-ins for actions, by name: another option than those that they take ends the run ------

    def checkout(self, persist_credentials="true"):
        subprocess.run(["git", "clone", "-q", str(ROOT), str(self.folder)], check=True)
        changes = subprocess.run(["git", "diff", "HEAD", "--binary"], cwd=ROOT, capture_output=True, check=True).stdout
        if changes:
            subprocess.run(["git", "apply"], cwd=self.folder, input=changes, check=True)
        self.workflow.prepare(self.folder)

    def setup_python(self, python_version):
        if python_version not in self.workflow.pythons:
            raise Unavailable
        version, interpreter = self.workflow.pythons[python_version]
        # an image has one release of each Python: where another was, there is nothing
        shutil.rmtree(self.top / "toolcache", ignore_errors=True)
        folder = self.top / "toolcache/Python" / version / "x64/bin"
        folder.mkdir(parents=True)
        for name in ("python", "python3", f"python{python_version}"):
            (folder / name).symlink_to(interpreter)
        self.path = f"{folder}{os.pathsep}{self.path}"
        return {"python-version": version, "python-path": str(folder / "python")}

    def cache(self, path, key, restore_keys=""):
        kept = self.top / "caches" / quote(path, "")
        entries = sorted(kept.glob("*"), key=lambda entry: entry.stat().st_mtime, reverse=True)
        exact = [entry for entry in entries if entry.name == quote(key, "")]
        prefixes = [quote(prefix, "") for prefix in restore_keys.split()]
        near = [entry for prefix in prefixes for entry in entries if entry.name.startswith(prefix)]
        for entry in (exact or near)[:1]:
            subprocess.run(["cp", "-a", f"{entry}/.", str(self.folder / path)], check=True)
        self.workflow.log.append(f"cache: {path}: {'hit' if exact else 'restored' if near else 'miss'}")
        if not exact:
            self.saving.append((path, key))
        return {"cache-hit": "true" if exact else "false"}

    def save(self, path, key):
        """Save a cache, as its action does when all steps have succeeded."""
        if (self.folder / path).exists():
            target = self.top / "caches" / quote(path, "") / quote(key, "")
            target.mkdir(parents=True)
            subprocess.run(["cp", "-a", f"{self.folder / path}/.", str(target)], check=True)

    def upload(self, name, path, if_no_files_found="warn", retention_days=""):
        if not (self.folder / path).is_dir():
            raise Failed(f"upload-artifact: there is no {path}")
        shutil.copytree(self.folder / path, self.top / "artifacts" / name)

    def download(self, name, path):
        if not (self.top / "artifacts" / name).is_dir():
            raise Failed(f"download-artifact: there is no {name}")
        shutil.copytree(self.top / "artifacts" / name, self.folder / path)


ACTIONS = {
    "actions/checkout": _Job.checkout,
    "actions/setup-python": _Job.setup_python,
    "actions/cache": _Job.cache,
    "actions/upload-artifact": _Job.upload,
    "actions/download-artifact": _Job.download,
}


def full_version(interpreter):
    """Return the version of *interpreter*, as in ``3.11.7``."""
    command = [str(interpreter), "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main(store, *pythons):
    """Run the workflow; print what was done."""
    named = dict(argument.split("=", 1) for argument in pythons)
    given = {name: (full_version(path), path) for name, path in named.items()}
    kept = {name: os.environ[name] for name in ("ARGS", "JOBS") if name in os.environ}
    results, log = Workflow(Path(store).resolve(), given, environment=kept).run()
    print("\n".join([*log, *(f"{job}: {result}" for job, result in results.items())]))
    return any(result == "failure" for result in results.values())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
