"""One HTML file out of the parts in page/: styles, scripts and data inside, nothing fetched."""

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from r1data import __version__

PARTS = Path(__file__).parent / "page"
SHARED = ("dom.js", "figures.js", "story.js", "gallery.js")


def page(title: str, data: Any, script: str, served: bool = False) -> str:
    """Return a whole page, under a policy that lets in nothing else; `served`: but its server's.

    The browser runs only the script and the styles whose hashes stand in the policy, so that text
    of a dataset could not run even where it got into the page as markup.
    """
    style = (PARTS / "style.css").read_text(encoding="utf-8")
    code = "\n".join(read_scripts([*SHARED, script]))
    own = " 'self'" if served else ""
    policy = (
        f"default-src 'none'; script-src '{digest(code)}'; style-src '{digest(style)}'; "
        f"img-src data:{own}; base-uri 'none'; form-action 'none'"
    ) + ("; connect-src 'self'" if served else "")
    return Template((PARTS / "page.html").read_text(encoding="utf-8")).substitute(
        policy=escape(policy, quote=False),
        version=__version__,
        title=escape(title),
        style=style,
        data=embedded(data),
        script=code,
    )


def read_scripts(names: Sequence[str]) -> list[str]:
    """Read parts of the script in order."""
    return [(PARTS / name).read_text(encoding="utf-8") for name in names]


def digest(text: str) -> str:
    """Return a hash as a content security policy wants it."""
    made = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(made).decode()


def embedded(data: Any) -> str:
    """Return JSON that cannot end its script tag, whatever texts it holds."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
