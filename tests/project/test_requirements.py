"""What is installed: pinned, all of it, and under licenses that a BSD project may build on."""

import importlib.metadata
import re

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

#: Words of licenses that let anyone use, change and pass on what is under them, or, as the MPL
#: and the LGPL do, ask only that changes to their own files are passed on too.
GOOD = (
    r"MIT|MIT-CMU|MIT-0|[023]?-?(clause )?BSD|0BSD|BSD-[23]-Clause|BSL-1\.0|ISC|Apache|Apache-2\.0|Zlib|CC0-1\.0"
    r"|PSF-2\.0|Python Software Foundation|MPL-2\.0|Mozilla Public License 2\.0|LGPL\S*|CNRI-Python|Unlicense|Public Domain"
)
#: What is under another license, and why that is good.
OTHERS = {
    "codespell": ("GPL-2.0-only", "the tests run it as a program; nothing of it is in the site"),
    "torchao": ("Copyright 2023 Meta", "its license file is the text of BSD-3-Clause, without that name"),
}


def pins(name):
    found = re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / name).read_text(), re.MULTILINE)
    return {canonicalize_name(package): version for package, version in found}


def brought():
    """Return what `requirements-dev.txt` brings with it here: name to distribution."""
    todo = [
        Requirement(f"{n}=={v}") for file in ("requirements.txt", "requirements-dev.txt") for n, v in pins(file).items()
    ]
    found, seen = {}, set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        if (name, *sorted(requirement.extras)) in seen:
            continue
        seen.add((name, *sorted(requirement.extras)))
        found[name] = importlib.metadata.distribution(name)
        for text in found[name].requires or ():
            needed = Requirement(text)
            extras = requirement.extras or {""}
            if not needed.marker or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                todo.append(needed)
    found.pop("pip")  # Python's own, which installs the others
    return found


BROUGHT = brought()


def test_everything_is_pinned_as_it_is_installed():
    installed = {name: found.version.partition("+")[0] for name, found in BROUGHT.items()}
    pinned = pins("constraints.txt")
    assert {name: pinned.get(name) for name in installed} == installed, "run make constraints"
    for file in ("requirements.txt", "requirements-dev.txt"):
        assert pins(file).items() <= pinned.items(), file
        written = [line for line in (ROOT / file).read_text().splitlines() if line and line[0] not in "#-"]
        assert len(written) == len(pins(file)), f"{file}: pin every line with =="


#: The Pythons that README.md names, oldest first.
PYTHONS = sorted(set(re.findall(r"\b3\.\d\d\b", (ROOT / "README.md").read_text())))


def test_every_python_that_the_readme_names_can_install_every_pin():
    assert len(PYTHONS) > 1
    asks = {name: found.metadata.get("Requires-Python", "") for name, found in BROUGHT.items()}
    assert {name: ask for name, ask in asks.items() if not all(f"{p}.0" in SpecifierSet(ask) for p in PYTHONS)} == {}


def test_the_pythons_that_the_readme_names_are_tried_by_the_workflow():
    workflow = (ROOT / ".github/workflows/site.yml").read_text()
    assert re.findall(r'"([\d.]+)"', re.search(r"python: \[(.*)\]", workflow)[1]) == PYTHONS
    assert f'requires-python = ">={PYTHONS[0]}"' in (ROOT / "pyproject.toml").read_text()
    keys = re.findall(r"^ +(?:restore-)?keys?: (.*)$", workflow, re.MULTILINE)
    assert len(keys) == 3 and all("steps.python.outputs.python-version" in key for key in keys), "an exact Python each"


def test_constraints_are_sorted():
    names = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert names == sorted(names, key=str.lower)


def licenses(distribution):
    """Return what a distribution says of its license, in the best of the places where it can."""
    about = distribution.metadata
    if about.get("License-Expression"):
        return about["License-Expression"]
    classified = [
        line.rpartition(" :: ")[2] for line in about.get_all("Classifier", []) if line.startswith("License :: ")
    ]
    if classified := [line for line in classified if line not in ("OSI Approved", "DFSG approved")]:
        return " OR ".join(classified)
    if about.get("License"):
        return about["License"].splitlines()[0]
    files = [path for path in distribution.files or () if re.search(r"licen[sc]e|copying", path.name, re.IGNORECASE)]
    return files[0].read_text().strip().splitlines()[0] if files else ""


def fits(expression):
    """Say whether *expression*, alternatives of licenses that hold together, has a good one."""
    good = re.compile(
        rf"\W*({GOOD})( (WITH \S+|Software License|License|2\.0|License \(.*\)|\(.*\)))*\W*", re.IGNORECASE
    )
    return any(all(map(good.fullmatch, part.split(" AND "))) for part in re.split(" OR ", expression))


def test_licenses_are_compatible():
    found = {name: licenses(distribution) for name, distribution in BROUGHT.items()}
    others = {name: license for name, license in found.items() if not fits(license)}
    assert others == {name: license for name, (license, _) in OTHERS.items()}


@pytest.mark.parametrize(
    "text", ["GPL-3.0-only", "AGPL-3.0", "MIT AND GPL-2.0-only", "Proprietary", "", "BSD-3-Clause-Clear-ish"]
)
def test_other_licenses_are_found(text):
    assert not fits(text)
