"""A real Chromium without a window, which shows the page of a real gpugate."""

import base64
import json
import shutil
import sys
import tempfile

NOT_TO_BE_HAD = 77
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

# Quiet: it looks up and updates nothing. It has no sandbox, as it may run as root, and opens only
# our own pages.
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1"]


def missing():
    """Returns why there is no browser, as a sentence, or None if there is one."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "python3-selenium is not installed"
    lacking = [name for name, path in (("chromium", BROWSER), ("chromedriver", DRIVER)) if not path]
    return f"{' and '.join(lacking)} cannot be found" if lacking else None


class Browser:
    """One window. open() starts with an empty console."""

    def __init__(self, width=1200, height=900):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
        self.profile = tempfile.mkdtemp(prefix="gpugate-browser-")
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for flag in [*FLAGS, f"--user-data-dir={self.profile}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        self.driver.set_page_load_timeout(60)
        self.driver.set_script_timeout(60)
        self.size(width, height)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def size(self, width, height):
        """Sets the size of the page itself, whatever the minimum size of a window."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        """Sets the preference of the system: light or dark."""
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def open(self, url):
        self.console()
        self.driver.get(url)

    def run(self, script, *arguments):
        """Returns the value of the body of a JavaScript function."""
        return self.driver.execute_script(script, *arguments)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def texts(self, selector):
        """The text of everything that is shown."""
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)", selector)

    def console(self):
        """Returns console messages since the last call, including violations of the page's
        policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def keys(self, *keys):
        from selenium.webdriver import ActionChains
        ActionChains(self.driver).send_keys(*keys).perform()

    def picture(self):
        """Returns the content of the window as a PNG."""
        return base64.b64decode(self.cdp("Page.captureScreenshot")["data"])


def told(server):
    return json.loads(server.admin("/status.json").body)


if __name__ == "__main__":
    if missing():
        print(missing(), file=sys.stderr)
        sys.exit(NOT_TO_BE_HAD)
