-- name: purge_expired_everywhere
SELECT memory_core.purge_expired_everywhere($1);

-- name: mark_large
SELECT memory_core.mark_large($1, $2);
