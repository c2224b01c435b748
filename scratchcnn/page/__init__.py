"""What the pages of this package share: rendering to one HTML file, arrays in JSON, scripts and style."""

from scratchcnn.page.array_store import ArrayStore
from scratchcnn.page.rendering import Page, read, render, script_text, style_text

__all__ = ["ArrayStore", "Page", "read", "render", "script_text", "style_text"]
