"""Values as text: numbers, and maps drawn with characters."""
