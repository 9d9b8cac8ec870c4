DROP FUNCTION purge_expired_everywhere(integer), add_vectors(smallint, smallint, boolean, bigint[], halfvec[], text[]),
    missing_vectors(smallint, smallint, bigint, integer), mark_large(bigint, integer),
    drop_vector_index(smallint), create_vector_index(smallint, integer);
