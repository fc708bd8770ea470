"""The route `/v1/responses` of the model server: its requests read, its answers written."""
