"""What the pages of `scratchcnn.inspection` share: rendering to one HTML file, arrays in JSON, scripts and style."""

from scratchcnn.inspection.page.array_store import ArrayStore
from scratchcnn.inspection.page.rendering import Page, read, render, script_text, style_text

__all__ = ["ArrayStore", "Page", "read", "render", "script_text", "style_text"]
