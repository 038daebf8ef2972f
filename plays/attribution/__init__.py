"""Which visits were there while what was shown: one pass in the database, computed again where something changed."""
