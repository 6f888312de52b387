"""Finding executions: the language of queries, and the terms by which executions are found."""
