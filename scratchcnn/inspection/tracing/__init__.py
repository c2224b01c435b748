"""What does each layer compute? Every input, output and gradient of one forward and one backward pass."""
