"""Reading: folding histories into pictures, plans, cursors."""
