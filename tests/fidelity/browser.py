"""Headless Chromium, and the hosts that a newsletter asks for images, which are all one server on loopback.

Every name resolves to that server: it serves the documents, a picture of its own for each image, and redirects what
asks the tracking hosts, as the real ones do. Nothing leaves the machine.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
import time
import zlib
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import Request, urlopen

from tests.kit.peers import program

CLICK, OPEN = "http://click.example", "http://open.example/o"
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--disable-checker-imaging",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedMode,HttpsFirstBalancedModeAutoEnable", "--force-device-scale-factor=1",
)  # fmt: skip
_TRACKED = re.compile(r"/o/[A-Za-z0-9_-]{36}/(.*)")
_PIXEL = re.compile(r"/o/[A-Za-z0-9_-]{36}\.gif")
_ONE_PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

# For each element a number that tells its computed style, and those of its pseudo-elements that show something.
_STYLES = """
const told = (text, h) => { for (let i = 0; i < text.length; i++) h = (h * 31 + text.charCodeAt(i)) | 0; return h; };
const style = (one, which, h) => {
    const computed = getComputedStyle(one, which);
    if (which && computed.content === "none") return h;
    for (const name of computed) h = told(computed.getPropertyValue(name), h);
    return h;
};
return [...document.querySelectorAll("*")].map((one) =>
    [one.tagName, style(one, "::after", style(one, "::before", style(one, null, 7)))]);
"""

# Done when all pictures of style sheets and attributes are there, and have been painted: the load event waits for neither.
_PAINTED = """
const done = arguments[arguments.length - 1];
const styles = [...document.querySelectorAll("*")].map((one) => getComputedStyle(one).backgroundImage);
const urls = styles.flatMap((one) => [...one.matchAll(/url\\("(.*?)"\\)/g)].map((found) => found[1]));
const loaded = (url) => Object.assign(new Image(), { src: url }).decode().catch(() => {});
Promise.all(urls.map(loaded)).then(() => requestAnimationFrame(() => requestAnimationFrame(() => done())));
"""


class Hosts(ThreadingHTTPServer):
    """All hosts of the world; `pages` by name, `asked` what was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, str] = {}
        self.asked: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hosts

    def do_GET(self) -> None:
        host = self.headers["Host"]
        self.server.asked.append(host + self.path)
        if host.startswith("127.0.0.1"):
            page = self.server.pages.get(self.path.strip("/"))
            return self._answer(200 if page else 404, "text/html; charset=utf-8", (page or "").encode())
        if host == "open.example":
            tracked = _TRACKED.fullmatch(self.path)
            if tracked:
                return self._answer(302, "text/plain", b"", ("Location", f"http://{tracked[1]}"))
            return self._answer(200 if _PIXEL.fullmatch(self.path) else 404, "image/gif", _ONE_PIXEL)
        if "image/" in self.headers.get("Accept", ""):
            return self._answer(200, "image/png", picture(host + self.path))
        return self._answer(404, "text/plain", b"")

    def _answer(self, status: int, content_type: str, body: bytes, *fields: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", content_type), ("Content-Length", str(len(body))), *fields):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


def picture(name: str) -> bytes:
    """A PNG whose size, colour and stripes follow from its name."""
    seed = zlib.crc32(name.encode())
    width, height = 80 + seed % 160, 40 + (seed >> 8) % 80
    colours = [seed.to_bytes(4, "big")[:3], (~seed & 0xFFFFFFFF).to_bytes(4, "big")[:3]]
    rows = b"".join(b"\0" + colours[(row // 8) % 2] * width for row in range(height))
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in chunks
    )


class Browser:
    """One window of Chromium, by WebDriver."""

    def __init__(self, driver: str, hosts: Hosts) -> None:
        self._hosts = hosts
        self._driver = driver
        port = hosts.server_address[1]
        arguments = [*_FLAGS, f"--host-resolver-rules=MAP * 127.0.0.1:{port}"]
        options = {"binary": program("chromium", "chromium"), "args": arguments}
        asked = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        self._session = self._do("POST", "/session", asked)["sessionId"]

    def close(self) -> None:
        self._do("DELETE", f"/session/{self._session}")

    def show(self, page: str, width: int) -> None:
        """Load a document in a window of this width, images and all."""
        self._hosts.pages["page"] = page
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self._command("Emulation.setDeviceMetricsOverride", metrics)
        self._own("/url", {"url": f"http://127.0.0.1:{self._hosts.server_address[1]}/page"})
        self._own("/execute/async", {"script": _PAINTED, "args": []})

    def click(self, selector: str) -> None:
        """Follow a link, and wait for where it leads."""
        found = self._own("/element", {"using": "css selector", "value": selector})
        (element,) = found.values()
        self._own(f"/element/{element}/click", {})

    def screenshot(self) -> bytes:
        """The whole page as PNG, once it stays as it is; one encoder makes equal files of equal pixels, and of those only."""
        before, picture = "", self._shot()
        while picture != before:
            time.sleep(0.05)
            before, picture = picture, self._shot()
        return b64decode(picture)

    def _shot(self) -> str:
        shot = self._command("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})
        return str(shot["data"])

    def styles(self) -> list[list[Any]]:
        """Name and computed style of each element, the style as a number."""
        return self._own("/execute/sync", {"script": _STYLES, "args": []})

    def _command(self, name: str, parameters: dict[str, Any]) -> Any:
        return self._own("/goog/cdp/execute", {"cmd": name, "params": parameters})

    def _own(self, path: str, body: dict[str, Any]) -> Any:
        return self._do("POST", f"/session/{self._session}{path}", body)

    def _do(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._driver + path, data, {"Content-Type": "application/json"}, method=method)
        with urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["value"]


@contextlib.contextmanager
def running() -> Iterator[tuple[Browser, Hosts]]:
    """A browser and its world; both end with the block."""
    chromedriver = program("chromedriver", "chromium-driver")
    program("chromium", "chromium")
    with Hosts() as hosts, _driver(chromedriver) as driver:
        threading.Thread(target=hosts.serve_forever, daemon=True).start()
        browser = Browser(driver, hosts)
        try:
            yield browser, hosts
        finally:
            browser.close()
            hosts.shutdown()


@contextlib.contextmanager
def _driver(chromedriver: str) -> Iterator[str]:
    with subprocess.Popen(
        [chromedriver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            started = next(
                found for line in process.stdout if (found := re.search(r"successfully on port (\d+)", line))
            )
            yield f"http://127.0.0.1:{started[1]}"
        finally:
            process.terminate()
