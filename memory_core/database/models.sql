-- name: lock_models
-- One change of models at a time, and no writer of vectors meanwhile, see hold_models().
SELECT pg_advisory_xact_lock(1835363684);

-- name: active_model
SELECT model_id, name, dimensions FROM memory_core.embedding_models WHERE state = 'active';

-- name: building_model
SELECT model_id, name, dimensions FROM memory_core.embedding_models WHERE state = 'building';

-- name: add_model
INSERT INTO memory_core.embedding_models (name, dimensions, state) VALUES ($1, $2, $3)
RETURNING model_id, name, dimensions;

-- name: create_vector_index
SELECT memory_core.create_vector_index($1, $2);

-- name: drop_vector_index
SELECT memory_core.drop_vector_index($1);

-- name: count_vectors
SELECT count(*) FROM memory_core.embeddings WHERE model_id = $1;

-- name: missing_vectors
SELECT tenant_id, pos, content FROM memory_core.missing_vectors($1, $2, $3, $4, $5);

-- name: add_vectors
SELECT memory_core.add_vectors($1, $2, $3, $4, $5, $6);

-- name: act_as_admin
SELECT set_config('role', 'memory_core_admin', true);

-- name: act_as_owner
SELECT set_config('role', 'none', true);

-- name: switch_model
SELECT memory_core.switch_model($1, $2);
