-- Purpose: says who calls a function, from the verified access token and never from an argument.
-- Objects: function monitoring.current_caller.
-- Risks: permissions, limits and the audit trail depend on it. PostgREST sets request.jwt.claims after it verified
--   the token, and API roles cannot set it.

create function monitoring.current_caller()
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select case
    when claims.token is null then session_user::text
    when claims.token ->> 'role' = 'service_role' then 'service_role'
    when claims.token ->> 'sub' <> '' then 'user:' || (claims.token ->> 'sub')
    else coalesce(nullif(claims.token ->> 'role', ''), session_user::text)
  end
  from (select nullif(current_setting('request.jwt.claims', true), '')::jsonb as token) as claims
$$;

comment on function monitoring.current_caller() is
'Returns who calls: user:<sub> for the token of a user, service_role, or the database role outside of PostgREST, such
as postgres for scheduled jobs and the SQL editor. A token without sub gives the name of its role.';
