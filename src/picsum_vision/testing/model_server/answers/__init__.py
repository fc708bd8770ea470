"""What the model server says: pixels measured, words and schemas filled, completions written."""
