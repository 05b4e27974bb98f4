"""Links from a page to the repository, and which addresses are those of one."""

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from cookbook.pages.repository import check, links
from sphinx.errors import ConfigError

SOURCE = "recipes_source/section/one.py"


def found(repository="https://github.com/o/n", branch="main", verified=None, notebook="_downloads/1/one.ipynb"):
    return dict(links(repository, branch, SOURCE, "A & b", verified, notebook))


def test_each_link_leads_to_the_recipe():
    assert list(found()) == ["Edit this recipe", "Report a problem", "Open in Colab"]
    assert found()["Edit this recipe"] == f"https://github.com/o/n/edit/main/{SOURCE}"
    colab = "https://colab.research.google.com/github/o/n/blob/gh-pages/_downloads/1/one.ipynb"
    assert found()["Open in Colab"] == colab


@pytest.mark.parametrize(
    ("verified", "said"),
    [({"torch": "2.13.0", "python": "3.11.2"}, "torch 2.13.0, Python 3.11.2"), (None, "not executed")],
)
def test_a_report_says_which_recipe_and_with_what_it_was_verified(verified, said):
    address = urlsplit(found(verified=verified)["Report a problem"])
    report = parse_qs(address.query)
    assert address.path == "/o/n/issues/new" and report["title"] == ["A & b: "]
    assert report["body"][0].startswith(f"Recipe: {SOURCE}\nVerified with: {said}\n")


@pytest.mark.parametrize("repository", ["https://gitlab.com/o/n", "https://github.com/o", "https://github.com/o/n/x"])
def test_colab_reads_repositories_of_github_only(repository):
    assert "Open in Colab" not in found(repository)


def test_without_a_notebook_there_is_none_to_open():
    assert list(found(notebook=None)) == ["Edit this recipe", "Report a problem"]


def test_only_the_link_to_edit_depends_on_the_branch():
    links = found(branch="release/1#2")
    assert links["Edit this recipe"] == f"https://github.com/o/n/edit/release/1%232/{SOURCE}"
    assert {**links, "Edit this recipe": ""} == {**found(), "Edit this recipe": ""}


def config(repository="", repository_branch="main"):
    return SimpleNamespace(repository=repository, repository_branch=repository_branch)


@pytest.mark.parametrize("address", ["", "https://github.com/o/n", "http://git.example.org/n"])
def test_an_address_of_a_repository_is_taken(address):
    check(None, config(address))


@pytest.mark.parametrize("branch", ["main", "release/1.0", "a-b_c", "fix#2"])
def test_a_name_of_a_branch_is_taken(branch):
    check(None, config(repository_branch=branch))


@pytest.mark.parametrize("branch", ["", "a b", "/main", "main/", "a//b", "a:b", "a\nb", "refs~1"])
def test_another_name_ends_the_build_with_an_example(branch):
    with pytest.raises(ConfigError) as raised:
        check(None, config(repository_branch=branch))
    assert f"conf.py: repository_branch = {branch!r}" in str(raised.value) and "as in" in str(raised.value)


@pytest.mark.parametrize(
    "address",
    ["github.com/o/n", "https://github.com", "https://github.com/o/n/", "https://a b/c", "https://github.com/o/n.git"],
)
def test_another_address_ends_the_build_with_what_to_write(address):
    with pytest.raises(ConfigError) as raised:
        check(None, config(address))
    told = str(raised.value)
    assert f"conf.py: repository = {address!r}" in told and "as in" in told
