-- Purpose: says who calls a function, from the verified access token and never from an argument.
-- Objects: function monitoring.current_caller.
-- Risks: permissions, limits and the audit trail depend on it. PostgREST sets request.jwt.claims after it verified
--   the token, and API roles cannot set it.

create function monitoring.current_caller()
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_token constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
begin
  return case
    when v_token is null then session_user::text
    when v_token ->> 'role' = 'service_role' then 'service_role'
    when v_token ->> 'sub' <> '' then 'user:' || (v_token ->> 'sub')
    else coalesce(nullif(v_token ->> 'role', ''), session_user::text)
  end;
end
$$;

comment on function monitoring.current_caller() is
'Returns who calls: user:<sub> for the token of a user, service_role, or the database role outside of PostgREST, such
as postgres for scheduled jobs and the SQL editor. A token without sub gives the name of its role.';
