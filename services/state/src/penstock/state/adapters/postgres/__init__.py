"""PostgreSQL: the only place that knows asyncpg and SQL. Its exceptions stay inside."""
