"""The page of `r1data --help`: commands in groups, and what Ctrl-C does to any of them."""

from typing import Any

from typer.core import TyperGroup

from r1data.errors import Interrupted

GROUPS = {
    "Start": ("init", "doctor", "plan", "demo"),
    "Build": ("build", "download", "frames", "probe", "cot", "filter"),
    "Inspect": ("status", "why", "report", "view", "check", "diff", "clean"),
    "Publish": ("publish", "export", "materialise"),
    "Verify": ("verify",),
    "Train and evaluate": ("train", "eval"),
    "Sources": ("sources", "media", "screen"),
}


class Commands(TyperGroup):
    """A group whose help shows whole sentences: the default one cuts them with "..."."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section of commands."""
        self.write_section(formatter, "Commands", tuple(self.list_commands(ctx)))

    def write_section(self, formatter: Any, title: str, names: tuple[str, ...]) -> None:
        """Write the first paragraph of each command's help beside its name."""
        wide = max(map(len, self.commands))  # one column of names in all sections
        texts = {name: (self.commands[name].help or "").partition("\n\n")[0] for name in names}
        with formatter.section(title):
            formatter.write_dl([(n.ljust(wide), " ".join(t.split())) for n, t in texts.items()])


class Program(Commands):
    """The whole program: its commands in groups."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section a group."""
        for title, names in GROUPS.items():
            self.write_section(formatter, title, names)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; Ctrl-C ends it with one line, whatever it was at."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("stopped: run the same command again to go on") from None
