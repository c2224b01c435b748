"""Display of results in a terminal and in a notebook: blocks of text that are also HTML, and progress bars."""
