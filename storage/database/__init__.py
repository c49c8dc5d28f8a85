"""The connection to each kind of database, and the tables with their migrations."""
