"""The doctor's page as a reader meets it: choosing, dropping, canceling, folding, copying, with a keyboard, from a disk."""

import re

import pytest
import torch
import torch.distributed.checkpoint as dcp
from axe_playwright_python.sync_playwright import Axe
from conftest import TWO_FRAMES
from playwright.sync_api import expect
from torch import nn

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def ask(visit):
    """Give files to the page: ``ask(path, ...)`` is the page with its answer."""

    def ask(*paths, width=1400, scheme="light", page=None):
        page = page or visit("doctor", width, scheme)
        page.set_input_files("#doctor-file", [str(path) for path in paths])
        expect(page.locator("#doctor-name")).to_be_focused()
        return page

    return ask


@pytest.fixture
def checkpoint(tmp_path):
    net = nn.Sequential(*(nn.Linear(4, 4) for _ in range(30)))
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    path = tmp_path / "checkpoint.pt"
    torch.save({"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, path)
    return path


def test_a_file_is_answered_in_a_worker_and_without_a_request(visit, checkpoint):
    page = visit("doctor")
    page.wait_for_load_state("networkidle")
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    assert len(page.workers) == 1
    page.set_input_files("#doctor-file", checkpoint)
    expect(page.locator("#doctor-name")).to_have_text("checkpoint.pt")
    expect(page.locator("#doctor-status")).to_have_text("1 finding, 60 tensors.")
    assert requests == []
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert page.complaints == []
    lines = page.locator(".doctor-lines pre").inner_text()
    assert 'model.load_state_dict(checkpoint["model"])' in lines and 'epoch = checkpoint["epoch"]' in lines
    expect(page.locator(".doctor-finding a")).to_have_attribute(
        "href", re.compile("saving_and_loading_a_general_checkpoint")
    )


def test_the_page_works_from_a_disk_where_there_is_no_worker(browser, site, checkpoint):
    page = browser.new_context().new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{(site / 'doctor.html').as_uri()}")
    page.set_input_files("#doctor-file", checkpoint)
    expect(page.locator("#doctor-status")).to_have_text("1 finding, 60 tensors.")
    assert errors == []
    page.context.close()


def test_a_file_can_be_dropped_anywhere_and_text_cannot(visit):
    page = visit("doctor")
    drop = """(type) => {
        const data = new DataTransfer();
        if (type === "file") data.items.add(new File(["version https://git-lfs.github.com/spec/v1\\nsize 7\\n"], "model.bin"));
        else data.setData("text/plain", "text");
        const event = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
        document.body.dispatchEvent(event);
        return event.defaultPrevented;
    }"""
    assert page.evaluate(drop, "text") is False
    assert page.evaluate(drop, "file") is True
    expect(page.locator(".doctor-finding h3")).to_have_text("Problem A Git LFS pointer, not the file itself")
    expect(page.locator(".doctor-lines pre")).to_contain_text("git lfs pull --include='model.bin'")
    expect(page.locator("#doctor-second")).to_be_hidden()


def test_reading_can_be_canceled(visit, tmp_path):
    path = tmp_path / "long.pkl"
    path.write_bytes(b"\x80\x02" + b"N0" * 20_000_000 + b".")
    page = visit("doctor")
    page.set_input_files("#doctor-file", path)
    expect(page.locator("#doctor-status")).to_contain_text(re.compile("Reading: .* of 40 MB"))
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#doctor-status")).to_have_text("Canceled.")
    expect(page.locator("#doctor-cancel")).to_be_hidden()
    expect(page.locator("#doctor-answer")).to_be_hidden()


def test_modules_fold_keys_are_filtered_and_sorted(ask, checkpoint):
    page = ask(checkpoint)
    rows = page.locator(".doctor-table tbody tr")
    expect(rows).to_have_count(31)
    module = page.get_by_role("button", name="model", exact=True)
    for expanded, count in (("false", 1), ("true", 31)):
        module.press("Enter")
        expect(rows).to_have_count(count)
        expect(module).to_have_attribute("aria-expanded", expanded)
        expect(module).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(rows).to_have_count(33)
    page.get_by_label("Filter").fill("29.")
    expect(rows).to_have_count(2)
    expect(page.locator(".doctor-count")).to_have_text("2 tensors with “29.”")
    page.get_by_label("Filter").fill("")
    page.get_by_label("Order").select_option("largest first")
    expect(rows).to_have_count(60)
    expect(rows.first.locator("td").first).to_have_text("[4, 4]")


def test_a_million_keys_are_shown_a_few_at_a_time(visit):
    page = visit("doctor")
    page.evaluate("""() => {
        const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(
            Array.from({ length: 300_000 }, (_, i) => [`key${i}`, { dtype: "F32", shape: [], data_offsets: [4 * i, 4 * i + 4] }]))));
        const size = new DataView(new ArrayBuffer(8));
        size.setBigUint64(0, BigInt(header.length), true);
        const data = new DataTransfer();
        data.items.add(new File([size, header, new Uint8Array(1_200_000)], "many.safetensors"));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }""")
    expect(page.locator("#doctor-status")).to_contain_text("300,000 tensors", timeout=30_000)
    rows = page.locator(".doctor-table tbody tr")
    expect(rows).to_have_count(300)
    page.get_by_role("button", name="Show 300 more of 299,700").click()
    expect(rows).to_have_count(600)


def scalars(path, name, count):
    """Write a safetensors file without its data."""
    rows = (f'"{name}{i}":{{"dtype":"F32","shape":[],"data_offsets":[{4 * i},{4 * i + 4}]}}' for i in range(count))
    data = f"{{{','.join(rows)}}}".encode()
    path.write_bytes(len(data).to_bytes(8, "little") + data)
    return path


#: Paste a million keys.
PASTE = """() => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    document.getElementById("doctor-pasted").dispatchEvent(new ClipboardEvent("paste", { clipboardData, cancelable: true }));
}"""


ANSWERED = """() => new Promise((done) => {
    const look = () => document.getElementById("doctor-differs") && done();
    new MutationObserver(look).observe(document.getElementById("doctor-difference"), { childList: true });
    look();
})"""


@pytest.mark.parametrize("how", ["file", "text"])
def test_a_million_keys_are_compared_without_work_for_the_page(ask, tmp_path, how):
    page = ask(scalars(tmp_path / "a.safetensors", "layer.", 1000))
    count = 300_000 if how == "file" else 1_000_000
    second = scalars(tmp_path / "b.safetensors", "net.layer.", count)
    page.evaluate(f"globalThis.text = Array.from({{ length: {count} }}, (_, i) => `key${{i}}`).join('\\n')")
    chromium = page.context.new_cdp_session(page)
    chromium.send("Performance.enable", {"timeDomain": "threadTicks"})

    def used():
        metrics = chromium.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

    before = used()
    if how == "file":
        page.set_input_files("#doctor-other", second)
    else:
        page.evaluate(PASTE)
    page.evaluate(ANSWERED)  # expect() would ask again and again, which is work
    assert used() - before < 0.5
    expect(page.locator("#doctor-differs")).to_be_focused()
    said = page.locator("#doctor-difference p").first.inner_text()
    assert said.startswith(f"{1000 if how == 'file' else 0} of {count:,} keys of ")


def test_long_lines_are_shown_in_part_and_copied_whole(ask, tmp_path):
    page = ask(scalars(tmp_path / "a.safetensors", "layer.", 20_000))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.set_input_files("#doctor-other", scalars(tmp_path / "b.safetensors", "layer.", 1))
    expect(page.locator("#doctor-difference .doctor-lines p")).to_contain_text("the first 100 kB of 3")
    assert len(page.locator("#doctor-difference pre").inner_text()) <= 100_000
    page.locator("#doctor-difference").get_by_role("button", name="Copy this code").click()
    compile(page.evaluate("navigator.clipboard.readText()"), "copied", "exec")


def test_a_comparison_can_be_canceled_and_done_again(ask, checkpoint, tmp_path):
    page = ask(checkpoint)
    path = tmp_path / "long.pkl"
    path.write_bytes(b"\x80\x02" + b"N0" * 20_000_000 + b".")
    page.set_input_files("#doctor-other", path)
    expect(page.locator("#doctor-status")).to_contain_text(re.compile("Reading: .* of 40 MB"))
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#doctor-status")).to_have_text("Canceled.")
    page.set_input_files("#doctor-other", checkpoint)  # the new worker reads the first file again
    expect(page.locator("#doctor-difference")).to_contain_text("They have the same keys and shapes.")


def test_names_from_a_file_are_text_everywhere(ask, tmp_path):
    path = tmp_path / "x.pt"
    state = {f"{EVIL}.{i}": torch.ones(2) for i in range(3)}
    torch.save({EVIL: state, "note": EVIL, f"`|\n{EVIL}": 1}, path)
    page = ask(path)
    page.get_by_label("Order").select_option("as in the file")
    page.fill("#doctor-pasted", f'Missing key(s) in state_dict: "{EVIL}"')
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("#doctor-differs")).to_be_focused()
    assert page.locator(".doctor img").count() == 0
    assert EVIL in page.locator(".doctor-table").inner_text()
    assert page.complaints == []


@pytest.mark.parametrize("kind", ["text", "Markdown"])
def test_the_answer_is_copied_without_a_path_or_markup(ask, tmp_path, kind):
    path = tmp_path / "x.pt"
    torch.save({f"a|`{EVIL}": torch.ones(2, 3), "b": torch.ones(1)}, path)
    page = ask(path)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name=f"Copy the answer as {kind}").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "x.pt" in copied and "[2, 3]" in copied and str(tmp_path) not in copied
    if kind == "Markdown":
        row = next(line for line in copied.splitlines() if EVIL in line and "[2, 3]" in line)
        assert row.startswith("| `` a\\|`<img") and len(re.split(r"(?<!\\)\|", row)) == 7


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_an_answer(ask, checkpoint, width, scheme):
    page = ask(checkpoint, width=width, scheme=scheme)
    page.get_by_role("button", name="model.0", exact=True).click()
    page.fill("#doctor-pasted", "(0): Linear(in_features=4, out_features=5, bias=True)\n")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.evaluate(TWO_FRAMES)
    found = Axe().run(page, None, {"resultTypes": ["violations"]}).response["violations"]
    assert [(rule["id"], node["html"][:200]) for rule in found for node in rule["nodes"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_everything_is_reached_with_the_keyboard(ask, checkpoint):
    page = ask(checkpoint)
    names = []
    for _ in range(80):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                "document.activeElement.ariaLabel ?? document.activeElement.labels?.[0]?.textContent.trim() ?? document.activeElement.textContent"
            )
        )
    wanted = [
        "Copy the answer as text",
        "Copy this code",
        "Filter",
        "Order",
        "Keys",
        "Compare",
        "Compare with another file",
    ]
    assert [name for name in wanted if name not in names] == []


def test_without_a_script_the_page_says_what_to_do(browser, address):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{address}/doctor.html")
    expect(page.locator("noscript p")).to_contain_text("Reading a file needs JavaScript")
    expect(page.locator(".doctor")).to_be_hidden()
    expect(page.locator("#what-it-looks-for a").first).to_be_visible()
    page.context.close()


def test_a_folder_is_chosen_as_one_checkpoint(visit, tmp_path):
    dcp.save({"model": nn.Linear(4, 2).state_dict()}, checkpoint_id=tmp_path / "step1")
    page = visit("doctor")
    page.set_input_files("#doctor-folder", tmp_path / "step1")
    expect(page.locator("#doctor-name")).to_have_text("step1")
    assert 'dcp_to_torch_save("step1", ' in page.locator(".doctor-lines pre").first.inner_text()


def test_two_files_are_compared(ask, tmp_path):
    for name, size in (("a", 3), ("b", 4)):
        torch.save(
            {"weight": torch.ones(size), "bias": torch.ones(1, dtype=torch.float16 if name == "a" else torch.float32)},
            tmp_path / f"{name}.pt",
        )
    page = ask(tmp_path / "a.pt")
    page.set_input_files("#doctor-other", tmp_path / "b.pt")
    expect(page.locator("#doctor-differs")).to_be_focused()
    assert (
        "1 of 2 keys of the other file get a value from this file, 50 %"
        in page.locator("#doctor-difference").inner_text()
    )
    for fold, text in (
        ("Other shape (1)", "weight: [3] in this file, [4] in the other file"),
        ("Other dtype (1)", "bias: float16 in this file"),
    ):
        page.get_by_text(fold).click()
        expect(page.locator("#doctor-difference")).to_contain_text(text)
