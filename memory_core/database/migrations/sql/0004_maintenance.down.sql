DROP FUNCTION purge_expired_everywhere(integer), switch_model(smallint, smallint),
    add_vectors(smallint, boolean, text[], bigint[], halfvec[], text[]),
    missing_vectors(smallint, smallint, text, bigint, integer), mark_large(bigint, integer),
    drop_vector_index(smallint), create_vector_index(smallint, integer);
