-- Purpose: reads secrets, such as addresses of channels and keys of APIs, by their names.
-- Objects: table monitoring.secrets; function monitoring.read_secret.
-- Risks: what the function returns must not be stored, returned to a caller or written into an error.

create table monitoring.secrets (
  name text primary key,
  value text not null
);

alter table monitoring.secrets enable row level security;

create policy secrets_is_read_by_nobody on monitoring.secrets
for select to authenticated
using (false);

revoke all on table monitoring.secrets from public, anon, authenticated, service_role;

comment on table monitoring.secrets is
'Secrets, for databases without Supabase Vault. Only the owner may read it: prefer Vault, which encrypts.';

comment on column monitoring.secrets.name is 'Name of the secret, by which the configuration refers to it.';

comment on column monitoring.secrets.value is 'Value of the secret.';

create function monitoring.read_secret(name text)
returns text
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_vault regclass := to_regclass('vault.decrypted_secrets');
  v_value text;
begin
  if v_vault is not null then
    execute format('select secret.decrypted_secret from %s as secret where secret.name = $1 limit 1', v_vault)
    into v_value
    using read_secret.name;
  end if;
  return coalesce(
    v_value,
    (
      select secrets.value
      from monitoring.secrets
      where secrets.name = read_secret.name
    )
  );
end
$$;

comment on function monitoring.read_secret(text) is
'Returns a secret from Supabase Vault, else from monitoring.secrets. Null when neither contains it.';
