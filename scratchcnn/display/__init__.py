"""Display of results: blocks that are rendered as plain text for a terminal and as HTML for a notebook."""
