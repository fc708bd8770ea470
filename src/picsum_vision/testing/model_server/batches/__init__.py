"""The batch routes of the model server: files, batches, and what goes wrong with them."""
