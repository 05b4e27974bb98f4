"""A recipe cannot import what its readers do not have: this site's own code, under any name, in any process."""

import pytest
from conftest import recipe
from fault_table import said
from reading import outputs

OURS = "a recipe cannot import cookbook: it is this site's own code, which readers do not have"
#: Statement to what it raises. The last three are modules of the package, which may not be on the path either.
IMPORTS = {
    "import cookbook": OURS,
    "from cookbook.recipes import settings": OURS,
    "import cookbook.run.process.runner": OURS,
    "import cache": "No module named 'cache'",
    "import runner": "No module named 'runner'",
    "import settings": "No module named 'settings'",
}
#: Where code of a recipe can run: ``attempt(name)`` imports a module and says what came of it.
PROCESSES = {
    "loader": """
        import importlib

        import torch

        class Imports(torch.utils.data.Dataset):
            def __len__(self):
                return len(NAMES)

            def __getitem__(self, index):
                try:
                    importlib.import_module(NAMES[index])
                except ModuleNotFoundError as error:
                    return str(error)
                return "imported"

        for batch in torch.utils.data.DataLoader(Imports(), num_workers=2):
            print(batch[0])
    """,
    "spawn": """
        import importlib
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
            for name in NAMES:
                print(executor.submit(importlib.import_module, name).exception())
    """,
    "program": """
        import subprocess
        import sys

        for name in NAMES:
            done = subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, text=True)
            print(done.stderr.splitlines()[-1].removeprefix("ModuleNotFoundError: "))
    """,
}
NAMES = ["cookbook", "cookbook.recipes.settings", "cache", "runner", "settings"]


@pytest.fixture(scope="module")
def built(module_site):
    recipes = {f"import_{number}.py": recipe(code, f"Import {number}") for number, code in enumerate(IMPORTS)}
    for name, code in PROCESSES.items():
        text = recipe(code, name.title())
        recipes[f"{name}.py"] = text.replace("\nimport ", f"\nNAMES = {NAMES}\nimport ", 1)
    site = module_site(recipes)
    site.done = site.build()
    return site


@pytest.mark.parametrize("number", range(len(IMPORTS)), ids=list(IMPORTS))
def test_an_import_fails_and_is_named_with_its_line(built, number):
    summary = built.done.log.split("problem(s) with recipes")[1]
    message = said(rf"recipes_source/section/import_{number}\.py:11: .*", summary)
    assert message.startswith(
        f"recipes_source/section/import_{number}.py:11: ModuleNotFoundError: {list(IMPORTS.values())[number]}. "
    )
    assert "ModuleNotFoundError" in outputs(built.page(f"import_{number}.html"))[-1]


@pytest.mark.parametrize("name", PROCESSES)
def test_no_process_of_a_recipe_can_import_it_either(built, name):
    (shown,) = outputs(built.page(f"{name}.html"))
    lines = shown.splitlines()
    assert len(lines) == len(NAMES)
    for module, line in zip(NAMES, lines, strict=True):
        assert line in (OURS, f"No module named '{module}'", f"No module named '{module.partition('.')[0]}'")
