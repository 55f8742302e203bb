"""What is run while building, not while serving."""
