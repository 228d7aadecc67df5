"""In a real Chromium the pages are silent, stay in their window, load nothing from a network, and answer to a
reader.
"""

from __future__ import annotations

import pytest
from opened import open_page

from vlm_profiling.outputs import page_files
from vlm_profiling.report.comparison.comparison import compare_results
from vlm_profiling.report.comparison.write import write_comparison
from vlm_profiling.tables.results_folder import read_results

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("width_px", "theme"),
    [
        (390, "light"),
        (1280, "dark"),
        pytest.param(390, "dark", marks=pytest.mark.slow),
        pytest.param(1280, "light", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("name", ["index", "trained", "axis-batch_size", "axis-optimization"])
def test_a_page_is_silent_fits_its_window_and_reads_well(browser, usual_site, name, width_px, theme):
    opened = open_page(browser, usual_site.folder / "reports" / f"{name}.html", width_px, theme)
    opened.draw_all()
    assert opened.errors == []
    assert opened.overflow_px <= 0
    assert opened.poor_contrasts == []
    assert opened.spilling_cells == opened.hidden_values == opened.cut_words == []
    own = (usual_site.folder / "reports").as_uri()
    plots = (usual_site.folder / "plots").as_uri()
    assert [url for url in opened.requests if not url.startswith((own, plots, "data:"))] == []
    charts = opened.page.locator(".vega svg")
    assert charts.count() >= (1 if name.startswith("axis") else 3)
    widths = charts.evaluate_all("all => all.map((svg) => svg.getBoundingClientRect().right - innerWidth)")
    assert max(widths) <= 0
    opened.page.context.close()


def test_no_word_of_a_plot_is_cut_off_though_the_reader_has_a_wider_font(browser, usual_site):
    images = sorted((usual_site.folder / "plots").rglob("*.svg"))
    assert len(images) > 9
    opened = open_page(browser, images[0])
    for image in images:
        opened.page.goto(image.as_uri())
        opened.page.evaluate(
            "document.querySelectorAll('text')"
            ".forEach((text) => text.setAttribute('font-family', 'DejaVu Sans'))"
        )
        assert opened.cut_words == [], image.name
    opened.page.context.close()


def test_a_table_sorts_by_a_click_on_its_head_and_figures_that_are_missing_come_last(browser, usual_site):
    opened = open_page(browser, usual_site.folder / "reports" / "other-7b.v1_5.html")
    table = opened.page.locator("table", has=opened.page.get_by_role("columnheader", name="Batch size")).first
    head = table.get_by_role("columnheader", name="Latency per batch")
    for direction, expected in (("ascending", ["1", "2", "4"]), ("descending", ["2", "1", "4"])):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == direction
        assert table.locator("tbody tr td:first-child").all_text_contents() == expected
    opened.page.context.close()


def test_a_filter_keeps_the_rows_that_hold_its_words(browser, usual_site):
    opened = open_page(browser, usual_site.folder / "reports" / "trained.html")
    box = opened.page.locator("h2#audits ~ input.filter").first
    box.fill("work parity")
    rows = box.locator("xpath=following-sibling::*[1]").locator("tbody tr")
    shown = [row for row in rows.all() if row.is_visible()]
    assert 0 < len(shown) < rows.count()
    assert all("work parity" in row.text_content() for row in shown)
    opened.page.context.close()


def test_a_chosen_theme_is_kept_and_redraws_the_charts(browser, usual_site):
    opened = open_page(browser, usual_site.folder / "reports" / "index.html")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = opened.page.evaluate(ground)
    opened.page.get_by_role("button", name="Dark").click()
    opened.draw_all()
    assert opened.page.evaluate(ground) != light
    assert opened.poor_contrasts == []
    opened.page.reload()
    assert opened.page.evaluate(ground) != light
    assert opened.errors == []
    opened.page.context.close()


def test_a_model_clicked_in_a_chart_is_marked_in_the_tables(browser, usual_site):
    opened = open_page(browser, usual_site.folder / "reports" / "index.html")
    opened.draw_all()
    point = opened.page.locator(".vega").first.locator(".mark-symbol.role-mark path").first
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    opened.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    chosen = opened.page.locator("tr.chosen")
    chosen.first.wait_for()
    assert {row.locator("td").first.text_content() for row in chosen.all()} == {"trained"}
    opened.page.context.close()


def test_a_model_clicked_in_a_legend_is_marked_in_the_tables_and_others_turn_faint(browser, usual_site):
    opened = open_page(browser, usual_site.folder / "reports" / "axis-batch_size.html")
    opened.draw_all()
    faint = "points => points.filter((point) => Number(point.getAttribute('opacity')) < 0.5).length"
    points = opened.page.locator(".vega .mark-symbol.role-mark path[aria-roledescription=point]")
    assert points.evaluate_all(faint) == 0
    opened.page.locator(".vega .role-legend-label text", has_text="trained").first.click()
    opened.page.locator("tr.chosen").first.wait_for()
    assert {row.locator("td").first.text_content() for row in opened.page.locator("tr.chosen").all()} == {
        "trained"
    }
    assert 0 < points.evaluate_all(faint) < points.count()
    assert opened.errors == []
    opened.page.context.close()


UNDEFINED = """
() => [...document.querySelectorAll("td.figure")].filter((cell) => {
  if (!/\\d/.test(cell.textContent)) return false;
  const table = cell.closest("table");
  const title = (head) => head.querySelector("[title]")?.title ?? "";
  return !title(table.tHead.rows[0].cells[cell.cellIndex]) && !title(cell.parentElement.cells[0]);
}).map((cell) => {
  const head = cell.closest("table").tHead.rows[0].cells[cell.cellIndex];
  return `${cell.closest(".table").ariaLabel}: ${head.textContent}`;
})
"""
"""Where figures stand whose definition comes up over neither the head of their column nor the name of their
row.
"""


def test_every_figure_of_every_table_has_a_definition(browser, usual_site):
    for name in page_files(usual_site.study):
        opened = open_page(browser, usual_site.folder / "reports" / name.replace(".md", ".html"))
        assert opened.page.evaluate(UNDEFINED) == [], name
        assert name.startswith("axis-optim") or opened.page.locator("td.figure").count() > 5, name
        opened.page.context.close()


def test_how_to_read_the_pages_is_told_once_and_every_page_leads_there(browser, usual_site):
    for name in page_files(usual_site.study):
        opened = open_page(browser, usual_site.folder / "reports" / name.replace(".md", ".html"))
        here = opened.page.locator("h2#how-to-read-these-pages")
        assert here.count() == (name == "index.md")
        if not here.count():
            opened.page.get_by_role("link", name="how to read these pages").click()
            opened.page.wait_for_url("**/index.html#how-to-read-these-pages")
            assert here.is_visible()
        opened.page.context.close()


def test_a_comparison_is_a_page_like_the_others(browser, usual_site, tmp_path):
    results = read_results(usual_site.folder)
    write_comparison(compare_results(results, results), tmp_path)
    for width_px, theme in ((390, "dark"), (1280, "light")):
        opened = open_page(browser, tmp_path / "comparison.html", width_px, theme)
        opened.draw_all()
        assert opened.errors == [] and opened.poor_contrasts == [] and opened.overflow_px <= 0
        assert opened.page.evaluate(UNDEFINED) == []
        assert opened.page.locator(".vega svg").count() == 1
        assert all(url.startswith((tmp_path.as_uri(), "data:")) for url in opened.requests)
        opened.page.context.close()


def test_definitions_come_up_for_the_keyboard_too(browser, usual_site):
    opened = open_page(browser, usual_site.folder / "reports" / "trained.html")
    defined = opened.page.locator("td abbr", has_text="Time to first token").first
    defined.focus()
    bubble = opened.page.locator(".bubble")
    assert bubble.is_visible()
    assert bubble.text_content() == defined.get_attribute("title")
    opened.page.context.close()


def test_without_scripts_every_chart_is_its_image(browser, usual_site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((usual_site.folder / "reports" / "index.html").as_uri())
    images = page.locator("figure.chart img")
    assert images.count() >= 4
    assert images.first.is_visible()
    assert not page.locator("button.theme").is_visible()
    context.close()
