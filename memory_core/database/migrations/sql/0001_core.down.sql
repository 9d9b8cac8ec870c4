-- Removes everything the core schema made. The two roles stay: other databases of the server may use them.
DROP TABLE events, embedding_models, embeddings, postings, actors, records, threads, scope_stats, scopes CASCADE;
DROP SEQUENCE position_numbers;
DROP FUNCTION bind(text, text, text, text, text), bound_scopes(), bound_labels(text), bound_tenants(), bound_tenant();
