DROP FUNCTION
    recall_candidates(text, text, text, text, text, smallint, integer, halfvec, integer, bigint[], text, jsonb, timestamptz),
    nearest(smallint, integer, halfvec, integer, jsonb),
    recall_words(text, text, text, text, text, bigint[], jsonb, bigint);
