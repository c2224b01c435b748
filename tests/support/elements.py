"""Reads HTML: its elements, which must be nested properly, their attributes, and the text."""

from html.parser import HTMLParser


class Elements(HTMLParser):
    """Collects the tags, their attributes, and the text; fails if the elements are not nested properly."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
