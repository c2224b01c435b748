"""Plain text for results: tables, numbers, paragraphs, and maps drawn with characters."""
