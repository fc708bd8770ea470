"""How long the job takes here: measured, kept in MLflow, compared, predicted for other sizes and limits. See docs/sizing.md."""
