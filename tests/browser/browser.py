"""A real Chromium without a window, that looks at the page of a real gpugate."""

import base64
import json
import shutil
import sys
import tempfile

NOT_TO_BE_HAD = 77
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

# Quiet: it looks up nothing and updates nothing. Without a sandbox, since it may run as root, on pages of our own only.
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1"]


def missing():
    """Why there is no browser, as a sentence; None: there is one."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "python3-selenium is not installed"
    lacking = [name for name, path in (("chromium", BROWSER), ("chromedriver", DRIVER)) if not path]
    return f"{' and '.join(lacking)} cannot be found" if lacking else None


class Browser:
    """One window. open() starts afresh, with an empty console."""

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
        """Of the page itself, whatever a window's least size is."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        """What the system prefers: light or dark."""
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def open(self, url):
        self.console()
        self.driver.get(url)

    def run(self, script, *arguments):
        """The value of a JavaScript function's body."""
        return self.driver.execute_script(script, *arguments)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def texts(self, selector):
        """Of all that is shown."""
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)", selector)

    def console(self):
        """What was said there since the last call, violations of the page's policy among it."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def keys(self, *keys):
        from selenium.webdriver import ActionChains
        ActionChains(self.driver).send_keys(*keys).perform()

    def picture(self):
        """What the window shows, as a PNG."""
        return base64.b64decode(self.cdp("Page.captureScreenshot")["data"])


def told(server):
    return json.loads(server.admin("/status.json").body)


if __name__ == "__main__":
    if missing():
        print(missing(), file=sys.stderr)
        sys.exit(NOT_TO_BE_HAD)
