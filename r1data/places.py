"""Where pipelines, schemas and recipes live: beside the package, or inside it in a wheel."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def place(name: str) -> Path:
    """Return the folder `name` ("pipelines", "recipes" or "schemas").

    An editable install does not see what the wheel force-includes, so the checkout comes first;
    pyproject.toml beside it proves that it is one.
    """
    checkout = PACKAGE.parent / name
    if checkout.is_dir() and (PACKAGE.parent / "pyproject.toml").is_file():
        return checkout
    return PACKAGE / name
