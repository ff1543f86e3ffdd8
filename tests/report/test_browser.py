"""Both pages in a real browser: chromium with chromium-driver (Debian's packages of these names)."""

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
