-- A failure that a failure node took left questions on the list that nobody asked any more. Of executions that have ended
-- they go here; of the others, whoever loads them takes them back.
DELETE FROM tasks t
WHERE NOT EXISTS (SELECT FROM executions e WHERE e.execution_id = t.execution_id AND e.status = 1);
