"""The names of others that `_ext/` replaces or reads: an upgrade that changes one fails here.

Each is a name that a module of ours says in its docstring that it relies on. Signatures are
written out, so that a change shows as a difference.
"""

import inspect
from multiprocessing import forkserver, util
from string import Formatter

import pytest
from cookbook import seam
from sphinx_gallery import _doctree_links, backreferences, downloads, gen_gallery, gen_rst, py_source_parser, scrapers

SIGNATURES = {
    "sphinx_gallery.gen_gallery._import_matplotlib": "",
    "sphinx_gallery.gen_rst._collect_gallery_files": "examples_dirs gallery_conf check_filenames",
    "sphinx_gallery.gen_rst.extract_intro_and_title": "filename docstring",
    "sphinx_gallery.gen_rst.execute_script": "script_blocks script_vars gallery_conf file_conf",
    "sphinx_gallery.gen_rst.execute_code_block": "compiler block example_globals script_vars gallery_conf file_conf",
    "sphinx_gallery.gen_rst.handle_exception": "exc_info src_file script_vars gallery_conf",
    "sphinx_gallery.gen_rst.generate_file_rst": "fname target_dir src_dir gallery_conf",
    "sphinx_gallery.gen_rst.identify_names": "script_blocks ref_regex global_variables node",
    "sphinx_gallery.gen_rst.scale_image": "in_fname out_fname max_width max_height",
    "sphinx_gallery.gen_rst._exec_and_get_memory": "compiler code_ast gallery_conf script_vars",
    "sphinx_gallery.gen_rst._get_last_repr": "capture_repr ___",
    "sphinx_gallery.gen_rst._LoggingTee": "src_filename",
    "sphinx_gallery.gen_rst.HTML_HEADER": "0",
    "sphinx_gallery.scrapers._anim_rst": "anim image_path gallery_conf",
    "sphinx_gallery.py_source_parser.split_code_and_text_blocks": "source_file return_node",
}
#: What is called, and not replaced.
CALLED = {
    gen_rst._read_cached_backrefs: "gallery_conf target_file",
    gen_rst._read_cached_cost: "target_file",
    gen_rst._get_callables: "gallery_conf key src_dir",
    gen_gallery._fill_gallery_conf_defaults: "sphinx_gallery_conf app check_keys",
    backreferences._make_ref_regex: "default_role",
    scrapers._matplotlib_fig_titles: "fig",
}
#: Where each name is looked up, so that a replacement is used there.
CALLERS = {
    "sphinx_gallery.gen_gallery._import_matplotlib": gen_gallery._fill_gallery_conf_defaults,
    "sphinx_gallery.gen_rst._collect_gallery_files": gen_rst.generate_dir_rst,
    "sphinx_gallery.gen_rst.extract_intro_and_title": gen_rst.generate_file_rst,
    "sphinx_gallery.gen_rst.execute_script": gen_rst.generate_file_rst,
    "sphinx_gallery.gen_rst.execute_code_block": gen_rst.execute_script,
    "sphinx_gallery.gen_rst.handle_exception": gen_rst.execute_code_block,
    "sphinx_gallery.gen_rst.generate_file_rst": gen_rst.generate_dir_rst,
    "sphinx_gallery.gen_rst.identify_names": gen_rst._get_backreferences,
    "sphinx_gallery.gen_rst.scale_image": gen_rst.save_thumbnail,
    "sphinx_gallery.gen_rst._exec_and_get_memory": gen_rst.execute_code_block,
    "sphinx_gallery.gen_rst._get_last_repr": gen_rst._get_code_output,
    "sphinx_gallery.gen_rst._LoggingTee": gen_rst.execute_script,
    "sphinx_gallery.gen_rst.HTML_HEADER": gen_rst._get_code_output,
    "sphinx_gallery.scrapers._anim_rst": scrapers.matplotlib_scraper,
    "sphinx_gallery.py_source_parser.split_code_and_text_blocks": gen_rst.generate_file_rst,
}


def parameters(function):
    """Return the names of the parameters of a function, or of the fields of a text."""
    if isinstance(function, str):
        return " ".join(name for _, name, *_ in Formatter().parse(function) if name)
    return " ".join(inspect.signature(function).parameters)


def test_the_table_has_what_is_tested_here():
    assert {*seam.PAGES, *seam.PROCESS} == SIGNATURES.keys() == CALLERS.keys()


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_replaced_name_has_the_parameters_that_we_know(name):
    assert parameters(seam.Seam((name,)).stock[name]) == SIGNATURES[name]


@pytest.mark.parametrize("function", CALLED, ids=lambda function: function.__name__)
def test_a_called_function_has_the_parameters_that_we_know(function):
    assert parameters(function) == CALLED[function]


@pytest.mark.parametrize("name", CALLERS)
def test_a_replaced_name_is_looked_up_where_we_replace_it(name):
    assert name.rpartition(".")[2] in inspect.getsource(CALLERS[name])


def test_parser_is_looked_up_where_we_replace_it():
    assert gen_rst._get_parser("x.py", {})[0] is py_source_parser


def test_tee_has_what_ours_overrides():
    tee = gen_rst._LoggingTee
    for name in ("set_std_and_reset_position", "write", "restore_std"):
        assert callable(getattr(tee, name))
    for function in (gen_rst.execute_script, gen_rst._check_reset_logging_tee):
        assert "_LoggingTee" in function.__code__.co_names


def test_texts_that_we_read_in_sphinx_gallerys_pages():
    assert 'class="sphx-glr-thumbcontainer" {tags}tooltip="{intro}"' in backreferences.THUMBNAIL_TEMPLATE
    assert "thumbnail-parent-div-open" in backreferences.THUMBNAIL_PARENT_DIV
    assert "thumbnail-parent-div-close" in backreferences.THUMBNAIL_PARENT_DIV_CLOSE
    assert gen_rst.CODE_OUTPUT.startswith(".. rst-class:: sphx-glr-script-out\n\n .. code-block:: none")
    assert "HTML_HEADER.format(indent(last_repr" in inspect.getsource(gen_rst._get_code_output)
    assert set(scrapers._KNOWN_IMG_EXTS) == {"png", "svg", "jpg", "gif", "webp"}
    assert hasattr(_doctree_links, "code_links_block")
    assert gen_rst.RST_BLOCK_HEADER.startswith(".. GENERATED FROM PYTHON SOURCE LINES {0}-{1}\n")
    assert downloads.CODE_ZIP_DOWNLOAD.format(*"abc") and downloads.NOTEBOOK_ZIP_DOWNLOAD.format(*"ab")


def test_fork_server_has_the_attributes_that_we_use():
    server = forkserver._forkserver
    for name in ("_forkserver_alive_fd", "_forkserver_address", "_forkserver_pid"):
        assert hasattr(server, name)
    assert callable(util.get_temp_dir)
