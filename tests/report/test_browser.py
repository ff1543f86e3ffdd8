"""Both pages in a real browser: chromium with chromium-driver (Debian's packages of these names)."""

import base64
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from difflab.history.compare import compare_revisions
from difflab.report.comparison import write_comparison
from difflab.report.page import write_report

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromium-driver (apt-get install)"
)
CUT = "return getComputedStyle(document.querySelector('.slider')).getPropertyValue('--cut').trim()"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def pages(made: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The addresses of the two pages."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        report = write_report(folder / "index.html")
        comparison = write_comparison(compare_revisions("HEAD~1", "HEAD"), folder)
    return {"report": report.as_uri(), "comparison": comparison.as_uri()}


@pytest.fixture(params=["report", "comparison"])
def page(request: pytest.FixtureRequest, pages: dict[str, str], browser):
    """The browser with one of the two pages open, and what it logged before thrown away."""
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(pages[request.param])
    return browser


def press(browser, *keys: str) -> None:
    browser.switch_to.active_element.send_keys(*keys)


def test_no_errors_and_no_request(page) -> None:
    assert page.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    urls = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert urls and all(url.startswith(("file:", "data:")) for url in urls)
    assert sum(url.startswith("file:") for url in urls) == 1
    loaded = "return [...document.images].every(image => image.complete && image.naturalWidth > 0)"
    assert page.execute_script(loaded)


def test_slider_by_keyboard_and_by_pointer(page) -> None:
    from selenium.webdriver import ActionChains, Keys

    assert page.execute_script(CUT) == "50%"
    slider = page.find_element("css selector", ".slider input")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", slider)
    page.execute_script("arguments[0].focus()", slider)
    press(page, Keys.ARROW_LEFT)
    assert page.execute_script(CUT) == "49%"
    press(page, Keys.HOME)
    assert page.execute_script(CUT) == "0%"
    ActionChains(page).move_to_element_with_offset(slider, slider.size["width"] // 4, 0).click().perform()
    assert 65 < int(page.execute_script(CUT).removesuffix("%")) < 85
    clip = page.execute_script("return getComputedStyle(document.querySelector('.slider img + img')).clipPath")
    assert clip.startswith("inset(0px 0px 0px ")


def test_a_phone_scrolls_down_only(page) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") == 390
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_dark_mode_is_dark(page) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    dark = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert max(map(int, re.findall(r"\d+", dark))) < 60


@pytest.mark.parametrize("page", ["report"], indirect=True)
def test_a_figure_opens_and_closes_by_keyboard(page) -> None:
    from selenium.webdriver import Keys

    page.execute_script("document.querySelector('.plate').focus()")
    press(page, Keys.ENTER)
    assert page.execute_script("return document.querySelector('dialog').open")
    shown = "return document.querySelector('dialog img').alt === document.querySelector('.plate img').alt"
    assert page.execute_script(shown)
    press(page, Keys.ESCAPE)
    assert not page.execute_script("return document.querySelector('dialog').open")
    assert page.execute_script("return document.activeElement.className") == "plate"


@pytest.mark.parametrize("page", ["report"], indirect=True)
def test_recipes_to_compare_are_chosen(page) -> None:
    from selenium.webdriver.support.select import Select

    before = page.find_element("id", "right").get_attribute("src")
    select = Select(page.find_element("css selector", "select[data-side=right]"))
    select.select_by_index(2)
    image = page.find_element("id", "right")
    assert image.get_attribute("src") != before
    assert select.first_selected_option.text in image.get_attribute("alt")


@pytest.mark.parametrize("page", ["report"], indirect=True)
def test_tab_reaches_the_content_first(page) -> None:
    from selenium.webdriver import Keys

    page.find_element("tag name", "body").send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to content"


@pytest.mark.parametrize("page", ["report"], indirect=True)
def test_a_header_sorts_its_column_both_ways(page) -> None:
    cells = "return [...document.querySelectorAll('#findings tbody tr td:nth-child(2)')].map(cell => cell.textContent)"
    before = page.execute_script(cells)
    header = page.find_element("css selector", "#findings thead th:nth-child(2)")
    button = header.find_element("tag name", "button")
    page.execute_script("arguments[0].click()", button)
    assert header.get_attribute("aria-sort") == "ascending"
    assert page.execute_script(cells) == sorted(before) != before
    page.execute_script("arguments[0].click()", button)
    assert header.get_attribute("aria-sort") == "descending"
    assert page.execute_script(cells) == sorted(before, reverse=True)


@pytest.mark.parametrize("page", ["report"], indirect=True)
def test_numbers_are_sorted_as_numbers_and_empty_cells_stay_last(page) -> None:
    sort = """
        const table = document.querySelector("table.sortable"), [row] = table.tBodies[0].rows;
        const values = ["10", "9", "-1.5", "–", "0.25"];
        table.tBodies[0].replaceChildren(...values.map((value) => {
          const copy = row.cloneNode(true);
          copy.cells[2].dataset.value = copy.cells[2].textContent = value;
          return copy;
        }));
        table.tHead.rows[0].cells[2].querySelector("button").click();
        return [...table.tBodies[0].rows].map((row) => row.cells[2].textContent);
    """
    assert page.execute_script(sort) == ["-1.5", "0.25", "9", "10", "–"]


def test_a_wide_screen_is_used(page) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 2000, "height": 1200, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        boxes = "return ['nav', 'main'].map(name => document.querySelector(name).getBoundingClientRect().toJSON())"
        nav, main = page.execute_script(boxes)
        assert nav["right"] <= main["left"] and main["left"] < 300 and main["right"] > 1980
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_paper_shows_everything(page) -> None:
    """A4 with the margins of the page: nothing folded, no table wider than the text."""
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 688, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        page.execute_script("dispatchEvent(new Event('beforeprint'))")
        assert page.execute_script("return document.querySelectorAll('details:not([open])').length") == 0
        wide = """return [...document.querySelectorAll("table, img, svg, pre")].filter(
            (part) => part.getBoundingClientRect().right > 690).map((part) => part.outerHTML.slice(0, 200))"""
        assert page.execute_script(wide) == []
        clipped = "return [...document.querySelectorAll('.scroll')].every((p) => p.scrollHeight <= p.clientHeight + 1)"
        assert page.execute_script(clipped)
        page.execute_script("dispatchEvent(new Event('afterprint'))")
        assert page.execute_script("return document.querySelectorAll('details[open]').length") == 0
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_printing_fires_the_events_that_unfold(page) -> None:
    page.execute_script("addEventListener('beforeprint', () => { window.unfolded = true; })")
    printed = page.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    assert page.execute_script("return window.unfolded")
