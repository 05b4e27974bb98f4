"""A package that the fork server cannot import: reported once, and recipes that do not need it run."""

import pytest
from conftest import recipe
from reading import outputs


@pytest.mark.parametrize("error", ["ImportError('half installed')", "RuntimeError('half installed')"])
def test_what_cannot_be_preloaded_is_reported_once(tiny_site, tmp_path, error):
    broken = tmp_path / "broken/torch/__init__.py"
    broken.parent.mkdir(parents=True)
    broken.write_text(f"raise {error}\n")
    site = tiny_site({"one.py": recipe("print('one')  # torch", "One"), "two.py": recipe("print('two')", "Two")})
    done = site.build(PYTHONPATH=str(tmp_path / "broken"))
    assert done.code == 1
    kind = error.partition("(")[0]
    assert done.errors.count(f"cannot be imported once for all of them ({kind}: half installed)") == 1, done.log
    assert outputs(site.page("two.html")) == ["two"]
    assert done.errors.count("install the packages again: ") == 1
