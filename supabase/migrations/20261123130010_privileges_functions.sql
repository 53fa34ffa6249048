-- Purpose: revokes EXECUTE on the functions of the closed schema monitoring from PUBLIC and the API roles.
-- Objects: none; privileges on every function of monitoring.
-- Risks: a migration appended later that creates a function in monitoring must end with the same statement, else
--   PUBLIC may execute that function. The catalog tests fail without it.
--
-- PostgreSQL grants EXECUTE on each new function to PUBLIC. Two other ways to take it back were rejected:
-- `alter default privileges in schema monitoring revoke execute on functions from public` has no effect, because the
-- default privileges of a schema only add to the built-in ones; without `in schema` the statement works, but it applies
-- to every schema and outlives the push, so it would change functions that others create in this database later.
-- The Supabase CLI applies each file in a transaction of its own: between the first file and this one, PUBLIC holds
-- EXECUTE. Nobody can use it, because no API role has USAGE on the schema since the statement that created it.
-- Functions in public are exposed: there, every function is followed by its own revoke and grants.

revoke all on all routines in schema monitoring from public, anon, authenticated, service_role;
