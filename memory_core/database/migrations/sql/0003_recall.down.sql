DROP FUNCTION
    recall_candidates,
    nearest(smallint, integer, halfvec, integer, jsonb),
    recall_words(text, text, text, text, text, bigint[], jsonb, bigint);
