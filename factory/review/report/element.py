"""Elements of HTML and SVG, escaped by construction: whatever a spec says stays text."""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

Inner = Element | str | None


def element(tag: str, *inner: Inner, **attributes: str | int | float | bool | None) -> Element:
    """`element("td", "text", class_="port")`. An underscore in a name stands for a hyphen, one at its end for nothing; True is an empty
    attribute; None and False are left out, as children too."""
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            made.set(name.rstrip("_").replace("_", "-"), "" if value is True else printable(str(value)))
    for child in inner:
        if isinstance(child, str):
            text = printable(child)
            if len(made):
                made[-1].tail = (made[-1].tail or "") + text
            else:
                made.text = (made.text or "") + text
        elif child is not None:
            made.append(child)
    return made


def raw(tag: str, text: str, **attributes: str) -> Element:
    """A style or script of our own, whose text is taken as it is."""
    made = Element(tag, attributes)
    made.text = text
    return made


def printable(text: str) -> str:
    """The text without control and formatting characters, which XML forbids or which could make it read backwards."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def as_html(root: Element) -> str:
    """The element as HTML."""
    return tostring(root, encoding="unicode", method="html")


def as_xml(root: Element) -> str:
    """The element as XML."""
    return tostring(root, encoding="unicode")
