DROP FUNCTION purge_expired(text, text, text, text, text, integer),
    touch(text, text, text, text, text, uuid[], integer[], timestamptz),
    revise(text, text, text, text, text, uuid, integer, jsonb, uuid, integer, boolean, smallint, boolean, halfvec, bigint[], smallint[]),
    list_records(text, text, text, text, text, jsonb, integer, integer, boolean),
    get_by_key(text, text, text, text, text, text), get_records(text, text, text, text, text, uuid[]);
DROP FUNCTION matches(records, jsonb), matches_metadata(jsonb, jsonb), forget(text, text, text, text, text, uuid[]),
    rewrite_content(bigint, text, jsonb, uuid, integer, boolean, smallint, boolean, halfvec, bigint[], smallint[]),
    drop_record(bigint), unindex(bigint),
    remember(text, text, text, text, text, text, text, text, text, smallint, boolean, jsonb, halfvec[], integer[], bigint[], smallint[]),
    count_records(bigint, bigint, bigint, bigint, bigint), hold_scope(bigint), hold_models(), check_model(smallint),
    scope_for(text, text, text, text);
