"""The Python peers of rewriting.py, run by their own interpreter: reads documents as JSON, writes milliseconds of CPU."""

import json
import logging
import statistics
import sys
import time

import css_inline
import premailer
from selectolax.lexbor import LexborHTMLParser

TOKEN = "x" * 36
SLOW = 2.0  # seconds that one peer may take; it does fewer documents then


def links_and_images(html):
    """What tracking clicks and opens comes to, as a user of selectolax writes it."""
    tree = LexborHTMLParser(html)
    for node in tree.css("a[href], area[href], img[src]"):
        name = "src" if node.tag == "img" else "href"
        url = node.attributes[name]
        if url and url.startswith(("http://", "https://")):
            node.attrs[name] = f"https://click.example/{TOKEN}/{url.partition('://')[2]}"
    return tree.html


def times(work, documents):
    """First, and the median of the second half; the reason where it refuses the document."""
    taken, started = [], time.perf_counter()
    for document in documents:
        start = time.process_time()
        try:
            work(document)
        except Exception as error:
            return [f"refused: {type(error).__name__}: {error}"[:100]]
        taken.append((time.process_time() - start) * 1_000)
        if time.perf_counter() - started > SLOW:
            break
    return [taken[0], statistics.median(taken[len(taken) // 2 :])]


def main():
    logging.disable(logging.CRITICAL)
    documents = json.load(sys.stdin)
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False)
    warm = "<style>p { color: red }</style><p><a href=http://x.example>x</a>"
    works = {
        "selectolax (links, images)": links_and_images,
        "css-inline (css)": inliner.inline,
        "premailer (css)": lambda html: premailer.transform(
            html, allow_network=False, cssutils_logging_level=logging.CRITICAL
        ),
    }
    if "--only-fast" in sys.argv:
        del works["premailer (css)"]
    for work in works.values():
        work(warm)
    json.dump({name: times(work, documents) for name, work in works.items()}, sys.stdout)


if __name__ == "__main__":
    main()
