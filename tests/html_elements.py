"""HTML as a parser sees it: which elements there are, and which texts."""

from __future__ import annotations

from html.parser import HTMLParser


class Elements(HTMLParser):
    """The elements with their attributes, the texts, and what stands in each script."""

    def __init__(self, text: str) -> None:
        """Read the text."""
        super().__init__()
        self.started: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self._in_script = False
        self.feed(text)
        self.close()

    @property
    def tags(self) -> list[str]:
        """The elements' names in order."""
        return [tag for tag, _ in self.started]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.started.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave a script."""
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        """Note a text, or more of a script's."""
        if self._in_script:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        else:
            self.texts.append(data)
