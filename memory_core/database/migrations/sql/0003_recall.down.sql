DROP FUNCTION
    recall_candidates,
    nearest(smallint, integer, halfvec, integer, jsonb),
    recall_words;
