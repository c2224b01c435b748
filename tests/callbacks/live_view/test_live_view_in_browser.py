"""LiveView in a browser: the page follows the training by itself, without errors and without other requests."""

import pytest
from browser import chromium, complaints, requested, show
from networks import small_data, small_model
from selenium.webdriver.support.ui import WebDriverWait

from scratchcnn.callbacks import LambdaCallback, LiveView

X, Y = small_data(40)
STATUS = "return document.querySelector('.live strong').textContent"
MARKED = "return window.isMarked === true"
LOST = "return !document.getElementById('lost').hidden"


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def fit(called):
    return small_model(seed=0).fit(X, Y, batch_size=16, epochs=3, verbose=0, validation_split=0.2, callbacks=called)


def wait_for(driver, text, seconds=20):
    """Wait until the page shows this text as its status; it may be reloaded meanwhile."""
    WebDriverWait(driver, seconds, 0.05, [Exception]).until(
        lambda driver: text in driver.execute_script(STATUS), f"the page does not show {text!r}"
    )


def test_served_page_follows_the_training_without_being_reloaded(driver):
    view, statuses = LiveView(0, interval=0), []
    requested(driver), complaints(driver)

    def look(epoch, logs):
        """Before each epoch, the browser shows the state after the previous one."""
        if epoch == 0:
            driver.get(view.url)
            driver.execute_script("window.isMarked = true")
        wait_for(driver, f"Epoch {max(epoch, 1)} of 3, batch {2 * (epoch > 0)} of 2")
        statuses.append(driver.execute_script("return document.querySelectorAll('.live-training').length"))

    fit([view, LambdaCallback(on_epoch_begin=look)])
    wait_for(driver, "Finished after 3 epochs")
    assert driver.execute_script(MARKED)
    assert statuses == [0, 4, 6]  # of loss and accuracy: a line each, and a dot for each epoch
    assert driver.execute_script("return [...document.images].every((image) => image.naturalWidth > 0)")
    assert complaints(driver) == []
    others = {url for url in requested(driver) if not url.startswith("data:")} - {view.url}
    assert others == {f"{view.url}content"}
    assert not driver.execute_script(LOST)
    view.close()
    WebDriverWait(driver, 20, 0.05).until(lambda driver: driver.execute_script(LOST))
    complaints(driver)  # of the browser, about requests without an answer


def test_file_reloads_itself_until_training_is_finished(driver, tmp_path):
    page = tmp_path / "live.html"
    requested(driver), complaints(driver)

    def look(epoch, logs):
        if epoch == 1:
            show(driver, page, 390, dark=True)
            driver.execute_script("window.isMarked = true; window.scrollTo(0, 200)")
        if epoch:
            wait_for(driver, f"Epoch {epoch} of 3")

    fit([LiveView(page, interval=0), LambdaCallback(on_epoch_begin=look)])
    wait_for(driver, "Finished after 3 epochs")
    assert not driver.execute_script(MARKED)
    assert driver.execute_script("return window.scrollY") == 200  # the reader stays where they were
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
    assert complaints(driver) == []
    assert {url for url in requested(driver) if not url.startswith("data:")} == {page.as_uri()}
