-- name: read
SELECT event_no, type, record_id, at, data FROM memory_core.events WHERE event_no > $1 ORDER BY event_no LIMIT $2;
