"""Elements of one namespace, made by name: `T.ItemId(Id="x")`, `M.Items(item, item)`, `T.Value("text")`."""

from collections.abc import Callable

from lxml import etree

Part = etree._Element | str | dict[str, str]


class Maker:
    """Makes them."""

    def __init__(self, namespace: str, *, nsmap: dict[str, str]) -> None:
        self._namespace = namespace
        self._nsmap = nsmap

    def __getattr__(self, name: str) -> Callable[..., etree._Element]:
        return self.named(name)

    def named(self, name: str) -> Callable[..., etree._Element]:
        """Return the maker of an element whose name is known only now."""

        def make(*parts: Part, **attributes: str) -> etree._Element:
            made = etree.Element(f"{{{self._namespace}}}{name}", nsmap=self._nsmap)
            for part in parts:
                if isinstance(part, str):
                    made.text = part
                elif isinstance(part, dict):
                    attributes |= part
                else:
                    made.append(part)
            for key, value in attributes.items():
                made.set(key, value)
            return made

        return make
