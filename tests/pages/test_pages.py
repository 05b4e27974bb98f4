"""What a page weighs, what it may load, what it says about itself, and what it gives to programs."""

import gzip
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import RECIPES, recipe
from reading import outputs, parse, target

REPOSITORY, BASE = "https://github.com/someone/cookbook", "https://example.org/cookbook/"
LONG = recipe("for i in range(60):\n    print(f'{i:<10}| key')\nprint('x')", title="A long one")
SETTINGS = ("-D", f"repository={REPOSITORY}", "-D", f"html_baseurl={BASE}")


@pytest.fixture(scope="module")
def published(module_site):
    """A tiny site that says where it and its repository are."""
    tiny = module_site({"one.py": LONG, "two.py": recipe("print('>>> 2')", title="A short one")})
    done = tiny.build(*SETTINGS, SOURCE_DATE_EPOCH="1700000000")
    assert done.code == 0, done.log
    return tiny


def loaded(page):
    """Return the files that *page* loads besides itself, without pictures that wait to be seen."""
    tags = parse(page).select("script[src], link[rel=stylesheet], link[rel=icon], img:not([loading=lazy])")
    return [target(page, tag.get("src") or tag.get("href"))[0] for tag in tags]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_100_kilobytes_in_10_requests_at_most(site, name):
    page = site / f"recipes/{name}.html"
    files = [page, *loaded(page)]
    assert len(files) <= 10
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) <= 100_000


def test_names_of_scripts_and_styles_have_the_hash_of_their_content(site):
    for page in site.rglob("*.html"):
        for path in loaded(page):
            if path.suffix in (".js", ".css") and path.parent.name == "_static":
                assert re.search(r"\.[0-9a-f]{8}\.(js|css)$", path.name), path


def test_nothing_is_published_that_no_page_uses(site):
    used = {path for page in site.rglob("*.html") for path in loaded(page)}
    assert {path for path in (site / "_static").rglob("*") if path.is_file()} - used == set()


def test_every_page_has_a_strict_policy_before_anything_it_loads(site):
    for page in site.rglob("*.html"):
        head = parse(page).head
        policy = head.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
        assert "default-src 'self'" in policy and "unsafe" not in policy, page
        for part in ("object-src 'none'", "base-uri 'self'", "form-action 'self'"):
            assert part in policy, page
        assert not policy_comes_late(head), page


def policy_comes_late(head):
    first = head.find(["script", "link", "base", "style"])
    return bool(first.find_next("meta", attrs={"http-equiv": True}))


def test_every_image_has_its_size(site):
    for page in site.rglob("*.html"):
        for image in parse(page).find_all("img"):
            assert int(image["width"]) > 0 and int(image["height"]) > 0, (page, image)


def test_every_page_has_a_description_and_recipes_have_their_promise(site):
    described = {}
    for page in site.rglob("*.html"):
        described[page] = parse(page).find("meta", attrs={"name": "description"})["content"]
        assert len(described[page]) > 20
    gallery = site / "recipes/index.html"
    for card in parse(gallery).select("li.card"):
        promise = card.select_one(".promise").get_text().replace("()", "")
        description = described[target(gallery, card.a["href"])[0]]
        assert promise == description.replace("’", "'").replace("()", "")


def test_a_page_says_what_it_was_verified_with(published):
    said = parse(published.page("one.html")).select_one(".provenance").get_text()
    assert re.search(r"torch \d+\.\d+\.\d+ and Python 3\.\d+\.\d+ on 2023-11-14\.$", " ".join(said.split()))
    assert "running time" not in published.page("one.html").read_text()


def test_a_page_says_how_long_it_ran_where_no_date_is_declared(tiny_site):
    site = tiny_site({"one.py": recipe("print(1)", "One")})
    assert site.build(SOURCE_DATE_EPOCH=None).code == 0
    said = parse(site.page("one.html")).select_one(".provenance").get_text()
    assert re.search(r" on 20\d\d-\d\d-\d\d\. Runs in under 5 seconds\.$", " ".join(said.split()))


def test_links_to_the_repository_are_there_where_it_is_configured(site, published):
    page = parse(published.page("one.html"))
    links = {a.get_text(): a["href"] for a in page.select(".take-away a, .source-links a")}
    assert links["Edit this recipe"] == f"{REPOSITORY}/edit/main/recipes_source/section/one.py"
    report = parse_qs(urlsplit(links["Report a problem"]).query)
    assert report["title"] == ["A long one: "]
    assert re.search(r"section/one\.py\nVerified with: torch \d", report["body"][0])
    notebook = links["Open in Colab"].partition("/blob/gh-pages/")[2]
    assert (published.out / notebook).suffix == ".ipynb" and (published.out / notebook).exists()
    for name in RECIPES:
        text = parse(site / f"recipes/{name}.html").find("main").get_text()
        assert not re.search("Edit|Report|Colab", text)


def test_a_published_site_has_a_sitemap_and_says_its_addresses(site, published):
    pages = re.findall("<loc>(.*?)</loc>", (published.out / "sitemap.xml").read_text())
    assert f"{BASE}recipes/section/one.html" in pages and f"{BASE}404.html" not in pages
    for address in pages:
        assert (published.out / address.removeprefix(BASE)).exists()
    head = parse(published.page("one.html")).head
    said = {m["property"]: m["content"] for m in head.find_all("meta", property=True)}
    assert said["og:url"] == f"{BASE}recipes/section/one.html" and said["og:title"] == "A long one"
    assert (published.out / said["og:image"].removeprefix(BASE)).exists()
    assert head.find("link", rel="canonical")["href"] == said["og:url"]
    assert parse(published.out / "404.html").base["href"] == "/cookbook/"
    assert not (site / "sitemap.xml").exists()
    assert not parse(site / "index.html").find("meta", property=["og:url", "og:image"])


@pytest.mark.parametrize(
    "setting", ["repository=github.com/a/b", "html_baseurl=example.org", "html_baseurl=https://a.b/c"]
)
def test_an_address_that_is_none_is_an_error_that_says_what_to_write(tiny_site, setting):
    done = tiny_site({"one.py": LONG}).build("-D", setting)
    assert done.code != 0
    assert "conf.py" in done.errors and setting.partition("=")[0] in done.errors and "as in" in done.errors


@pytest.mark.parametrize("name", RECIPES)
def test_the_markdown_version_says_what_the_page_says(site, name):
    page = site / f"recipes/{name}.html"
    text = page.with_suffix(".md").read_text(encoding="utf-8")
    for output in outputs(page):
        assert output.strip("\n") in text
    plain = re.sub(r"[\\`*_]", "", text)
    for heading in parse(page).select("article h1, article h2, article h3"):
        assert re.sub(r"[\\`*_]|#$", "", heading.get_text()) in plain
    for figure in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text):
        assert target(page, figure)[0].exists()
    for link in re.findall(r"(?<!!)\[[^\]]+\]\(([^)#]+\.md)", text):
        assert target(page, link)[0].exists()
    assert "<div" not in text and ":ref:" not in text and ".html" not in re.sub(r"https?://\S+", "", text)


def test_llms_txt_lists_every_recipe(site):
    listed = re.findall(r"^- \[.+?\]\((.+?)\): .{20,}$", (site / "llms.txt").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(f"recipes/{name}.md" for name in RECIPES)


def test_a_build_without_changes_rewrites_nothing(published):
    before = {p: p.stat().st_mtime_ns for p in published.out.rglob("*") if p.suffix in (".md", ".html", ".txt", ".js")}
    content = {p: p.read_bytes() for p in published.out.rglob("*") if p.is_file()}
    assert published.build(*SETTINGS, SOURCE_DATE_EPOCH="1700000000").code == 0
    assert {p: p.read_bytes() for p in published.out.rglob("*") if p.is_file()} == content
    assert {p: p.stat().st_mtime_ns for p in before if p.suffix == ".md"} == {
        p: time for p, time in before.items() if p.suffix == ".md"
    }


def test_navigation_does_not_grow_with_the_section(module_site):
    tiny = module_site({f"r{i:03}.py": recipe(f"print({i})", title=f"Recipe {i}") for i in range(40)})
    assert tiny.build("-D", "plot_gallery=0").code == 0
    for name in ("r000.html", "r020.html", "r039.html", "index.html"):
        navigation = parse(tiny.page(name)).select_one(".site-sections")
        links = navigation.find_all("a")
        assert len(links) <= 24
        assert "All 40 recipes" in links[-1].get_text()
        assert name == "index.html" or len(navigation.select("ul ul [aria-current=page]")) == 1
