"""The names of others that `_ext/` replaces or reads: an upgrade that changes one fails here.

Each is a name that a module of ours says in its docstring that it relies on. Signatures are
written out, so that a change shows as a difference.
"""

import inspect
from multiprocessing import forkserver, util

import pytest
from sphinx.application import Sphinx
from sphinx_gallery import (
    _doctree_links, backreferences, downloads, gen_gallery, gen_rst, py_source_parser, utils,
)  # fmt: skip

SIGNATURES = {
    gen_rst.execute_script: "script_blocks script_vars gallery_conf file_conf",
    gen_rst.execute_code_block: "compiler block example_globals script_vars gallery_conf file_conf",
    gen_rst.handle_exception: "exc_info src_file script_vars gallery_conf",
    gen_rst.generate_file_rst: "fname target_dir src_dir gallery_conf",
    gen_rst.identify_names: "script_blocks ref_regex global_variables node",
    gen_rst.scale_image: "in_fname out_fname max_width max_height",
    gen_rst.zip_files: "file_list zipname relative_to extension",
    gen_rst.jupyter_notebook: "script_blocks gallery_conf target_dir",
    gen_rst.save_notebook: "work_notebook write_file",
    gen_rst.get_md5sum: "src_file mode",
    py_source_parser.split_code_and_text_blocks: "source_file return_node",
    utils._replace_md5: "fname_new fname_old method mode check",
    gen_gallery._fill_gallery_conf_defaults: "sphinx_gallery_conf app check_keys",
    backreferences._make_ref_regex: "default_role",
}


@pytest.mark.parametrize("function", SIGNATURES, ids=lambda function: function.__name__)
def test_function_has_the_parameters_that_we_know(function):
    assert " ".join(inspect.signature(function).parameters) == SIGNATURES[function]


CALLERS = {
    "execute_script": gen_rst.generate_file_rst,
    "scale_image": gen_rst.save_thumbnail,
    "zip_files": gen_rst.generate_file_rst,
    "jupyter_notebook": gen_rst.generate_file_rst,
    "save_notebook": gen_rst.generate_file_rst,
    "_replace_md5": gen_rst.generate_file_rst,
    "identify_names": gen_rst._get_backreferences,
    "execute_code_block": gen_rst.execute_script,
    "handle_exception": gen_rst.execute_code_block,
    "_LoggingTee": gen_rst.execute_script,
}


@pytest.mark.parametrize("name", CALLERS)
def test_function_is_looked_up_where_we_replace_it(name):
    assert name in CALLERS[name].__code__.co_names and hasattr(gen_rst, name)


def test_matplotlib_is_imported_where_we_replace_it():
    assert "_import_matplotlib" in gen_gallery._fill_gallery_conf_defaults.__code__.co_names


def test_parser_is_looked_up_where_we_replace_it():
    assert gen_rst._get_parser("x.py", {})[0] is py_source_parser
    for caller in (gen_rst.generate_file_rst, gen_rst._split_parallel):
        assert "split_code_and_text_blocks" in caller.__code__.co_names


def test_functions_with_a_second_caller():
    assert "generate_file_rst" in inspect.getsource(gen_rst.generate_dir_rst)
    assert "zip_files" in downloads.python_zip.__code__.co_names


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
    assert hasattr(_doctree_links, "code_links_block")


def test_sphinx_counts_warnings_where_we_read_it():
    assert "_warncount" in Sphinx.__init__.__code__.co_names


def test_fork_server_has_the_attributes_that_we_use():
    server = forkserver._forkserver
    for name in ("_forkserver_alive_fd", "_forkserver_address", "_forkserver_pid"):
        assert hasattr(server, name)
    assert callable(util.get_temp_dir)
