"""Everything that knows Spark: the bridge to its workers, transforms, tables and the local session."""
