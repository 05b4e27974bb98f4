"""What the process of a recipe finds out about it, without running it."""

import pytest
from cookbook.run.process.runner import first_line, uses, with_name


@pytest.mark.parametrize(
    ("content", "line"), [("x = 1", 9), ("\n\nx = 1", 11), ("  \n    x = 1\n\n", 10), ("\n\n", 11), ("", 9)]
)
def test_the_first_line_of_a_block_is_the_first_that_is_not_blank(content, line):
    assert first_line(["code", content, 9]) == line


def test_of_the_objects_behind_a_name_those_stay_that_carry_it():
    objects = [{"name": "Linear"}, {"name": "Module"}, {"name": "x.Linear"}, {"name": "Linear2"}]
    assert with_name("torch.nn.Linear", objects) == with_name("Linear", objects) == [objects[0], objects[2]]
    assert with_name("x", objects) == []


def test_a_recipe_uses_what_it_or_one_of_its_files_names():
    task = {"source": "import torch\n", "files": {"_a.py": "import subprocess\n", "x.csv": "1,2\n"}}
    assert [uses(task, name) for name in ("torch", "subprocess", "matplotlib")] == [True, True, False]
