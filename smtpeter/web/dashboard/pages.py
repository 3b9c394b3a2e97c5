"""Templates made into pages, with the header fields that keep strangers' mail from ever running in our origin.

What is put into a page is escaped. No script and no style stands in a page itself, so none that a stranger wrote into
it would count. Its own files are all that a page loads.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from smtpeter.accounts.operators import Role
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Given
from smtpeter.web.dashboard.attention import duration
from smtpeter.web.dashboard.labels import label
from smtpeter.web.dashboard.route import Asked

_PACKAGE = "smtpeter.web.dashboard"
_TYPES = {"style.css": "text/css; charset=utf-8", "script.js": "text/javascript; charset=utf-8"}
_HTML = "text/html; charset=utf-8"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Mail in a frame: an origin of nobody, that runs nothing and loads nothing; its links open elsewhere.
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
SAFE = (
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
)
_MAIL_IN_FRONT = b'<!doctype html><meta charset="utf-8"><base target="_blank">'


class Pages:
    """All templates, read once."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FunctionLoader(_template), autoescape=True, undefined=StrictUndefined, auto_reload=False,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._files = {f"/static/{name}": _file(name) for name in _TYPES}
        version = blake2b(b"".join(one[0] for one in self._files.values()), digest_size=6).hexdigest()
        self._environment.globals.update(version=version, Role=Role)
        self._environment.filters["day_and_time"] = day_and_time
        self._environment.filters["duration"] = duration

    def static(self, path: str) -> Given | None:
        """One of our files; its address changes with what is in it."""
        found = self._files.get(path)
        if found is None:
            return None
        kept = (b"Cache-Control", b"public, max-age=31536000, immutable")
        return Given(found[0], found[1], 200, (*SAFE, kept))

    def page(
        self, template: str, asked: Asked | None, /, *, status: int = 200, headers: Any = (), **values: Any
    ) -> Given:
        """The page for whom asked; None: for somebody who has not signed in."""
        return Given(
            self.text(template, asked, **values).encode(), _HTML, status, (*_page_headers(), *headers)
        )

    def text(self, template: str, asked: Asked | None, /, **values: Any) -> str:
        common = {
            "operator": asked and asked.operator,
            "form_token": asked.form_token if asked else "",
            "is_saved": asked is not None and asked.is_saved,
        }
        return self._environment.get_template(template).render({**common, **values})

    def problem(
        self, problem: Problem, asked: Asked | None = None, back: str = "", *, is_form: bool = False
    ) -> Given:
        """What is wrong, for people; `back` is the path to go on from, `is_form` when it was asked by a form there."""
        said = problem.answered.error.message
        return self.page(
            "problem.html", asked, status=problem.status, headers=problem.headers,
            said=f"{said[:1].upper()}{said[1:]}", field=label(problem.answered.error.field),
            back=back, is_form=is_form,
        )  # fmt: skip


def mail(html: str) -> Given:
    """HTML of strangers, for a frame."""
    headers = (*SAFE, (b"Content-Security-Policy", _MAIL_POLICY.encode()))
    return Given(_MAIL_IN_FRONT + html.encode("utf-8", "replace"), _HTML, 200, headers)


def elsewhere(path: str, *headers: tuple[bytes, bytes]) -> Given:
    """Go there; what was done is not done again by looking at it again."""
    return Given(b"", _HTML, 303, ((b"Location", path.encode("ascii")), *_page_headers(), *headers))


def day_and_time(seconds: float) -> str:
    """Unix seconds as people read them, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _page_headers() -> tuple[tuple[bytes, bytes], ...]:
    return (
        *SAFE,
        (b"Content-Security-Policy", _POLICY.encode()),
        (b"X-Frame-Options", b"DENY"),
        (b"Permissions-Policy", b"camera=(), geolocation=(), microphone=()"),
    )


def _template(name: str) -> str:
    return (files(_PACKAGE) / "templates" / name).read_text("utf-8")


def _file(name: str) -> tuple[bytes, str]:
    return (files(_PACKAGE) / "static" / name).read_bytes(), _TYPES[name]
