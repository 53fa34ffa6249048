-- Purpose: refuses a format of tokens that does not do what its own example says or that hides ordinary text, and keeps
--   an audit trail of the operator's changes.
-- Objects: functions monitoring.list_ordinary_texts, monitoring.check_secret_format_fields,
--   monitoring.check_secret_format, monitoring.audit_secret_format; triggers secret_formats_are_checked,
--   secret_formats_are_audited.
-- Risks: a format that matches too much hides what the reader of an incident needs.

create function monitoring.list_ordinary_texts()
returns setof text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  values
  ('TypeError: Cannot read properties of undefined (reading ''price'')'),
  ('    at processTicksAndRejections (node:internal/process/task_queues:95:5)'),
  ('    at Object.handle (/srv/app/node_modules/@scope/package/dist/index-BzP9qLx3.js:1234:56)'),
  ('org.springframework.web.servlet.DispatcherServlet.doDispatch(DispatcherServlet.java:1072)'),
  ('File "/usr/lib/python3.12/site-packages/sqlalchemy/engine/base.py", line 1967, in _exec_single_context'),
  ('duplicate key value violates unique constraint "organization_memberships_user_id_key"'),
  ('password authentication failed for user "app_production"'),
  ('request 550e8400-e29b-41d4-a716-446655440000 of 2026-11-23T18:31:10.123456Z took 1700000000000 ms'),
  ('commit da39a3ee5e6b4b0d3255bfef95601890afd80709 of refs/heads/feature-checkout-redesign-2026'),
  ('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'),
  ('sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC'),
  ('arn:aws:iam::123456789012:role/application-production-deploy i-0abcdef1234567890'),
  ('GET https://api.example.com/v1/organizations?page=2&sort=created_at HTTP/1.1 503'),
  ('max_tokens: 4096, prompt_tokens=52, npm_config_registry=https://packages.example.com/'),
  ('connect ECONNREFUSED ec2-198-51-100-1.eu-central-1.compute.amazonaws.com:5432'),
  ('0x00007ffdeadbeef0 INC-1001 JIRA-5678 v1.0.0-beta.3 node_modules webpack-internal:///main-1a2b3c4d.js')
$$;

comment on function monitoring.list_ordinary_texts() is
'Returns texts in which no format of tokens may match anything.';

create function monitoring.check_secret_format_fields(format monitoring.secret_formats)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  perform monitoring.refuse_request('22023', fields.field || ' is missing', fields.field, fields.remedy)
  from (
    values
    ('name', format.name, 'Give the format a short name, such as acme_api_key.'),
    ('prefix', format.prefix, 'Give the characters that each of these tokens begins with, such as acme_live_.'),
    ('body', format.body, 'Give a regular expression for the rest of the token, such as [A-Za-z0-9]{32,}.'),
    ('example', format.example, 'Invent a token of this format: it proves that the format finds one.'),
    (
      'counterexample', format.counterexample,
      'Give an ordinary text with the prefix: it proves that the format leaves it alone.'
    )
  ) as fields (field, value, remedy)
  where btrim(coalesce(fields.value, '')) = '';
  if length(format.name) > 100 or not monitoring.is_one_line(format.name) then
    perform monitoring.refuse_request(
      '22023', 'name must be one line of at most 100 characters', 'name',
      'Give the format a short name, such as acme_api_key.'
    );
  end if;
  if length(format.prefix) < 3 or not format.prefix ~ '^[A-Za-z0-9][!-~]{2,31}$' then
    perform monitoring.refuse_request(
      '22023', 'prefix must be 3 to 32 characters of ASCII without spaces, and begin with a letter or a digit', 'prefix',
      'Every text is searched for it, so a shorter one costs too much. A secret without a prefix is redacted where its '
      || 'name is beside it, as in acme_secret=….'
    );
  end if;
  if format.origin is distinct from 'operator'
    and coalesce(current_setting('monitoring.installs_formats', true), '') <> 'yes' then
    perform monitoring.refuse_request(
      '22023', 'origin must be operator', 'origin',
      'Leave it out. Of a built-in row only is_enabled can be changed; insert a row of your own for another format.'
    );
  end if;
end
$$;

comment on function monitoring.check_secret_format_fields(monitoring.secret_formats) is
'Raises 22023 with the name of the field for a format that lacks something, or whose name, prefix or origin is wrong.';

create function monitoring.check_secret_format()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_grammar constant text := 'Use characters, classes such as [A-Za-z0-9], \w and \d, each with at most one quantifier '
    || 'such as {20,}, and alternatives of plain text such as (?:live|test).';
  v_pattern text collate "C";
begin
  if tg_op = 'UPDATE' then
    new.updated_at := clock_timestamp();
    -- A built-in row can be switched off and on, whatever else it says.
    if new.origin = 'builtin'
      and (new.name, new.prefix, new.body, new.origin, new.example, new.counterexample)
      is not distinct from (old.name, old.prefix, old.body, old.origin, old.example, old.counterexample) then
      return new;
    end if;
  end if;
  perform monitoring.check_secret_format_fields(new);
  if length(new.body) > 100 or not monitoring.is_expression(new.body) then
    perform monitoring.refuse_request(
      '22023', 'body is no valid regular expression of at most 100 characters', 'body', c_grammar
    );
  end if;
  if not monitoring.is_simple_expression(new.body) then
    perform monitoring.refuse_request(
      '22023', 'body has groups, references or quantifiers that could make matching slow', 'body', c_grammar
    );
  end if;
  v_pattern := format('(?<![A-Za-z0-9])%s%s', monitoring.match_literal(new.prefix), new.body);
  if exists (
    select
    from unnest(array['', '-', ' ', repeat('a', 7), repeat('A', 7), repeat('1', 7), '-abc-de', '_abc_de', '.abcdef'])
      as endings (ending)
    where new.prefix || endings.ending ~ v_pattern
  ) then
    perform monitoring.refuse_request(
      '22023', 'body matches words of fewer than 8 characters after the prefix', 'body',
      'Say how long the secret is at least, such as [A-Za-z0-9]{20,}: a word that begins with the prefix is no secret.'
    );
  end if;
  if regexp_replace(new.example, v_pattern, '') <> '' then
    perform monitoring.refuse_request(
      '22023', 'example is not matched completely by prefix and body', 'example',
      'Correct one of them. The example must be a token alone, in the same case.'
    );
  end if;
  if not monitoring.may_contain_random_words(new.example) then
    perform monitoring.refuse_request(
      '22023', 'example has no letter beside a digit after its fourth character', 'example',
      'Formats are compared only with texts in which letters and digits, or capital and small letters, alternate. A secret '
      || 'of letters or of digits alone is redacted where its name is beside it, as in acme_secret=….'
    );
  end if;
  if new.example !~ '[\w-]{16}' then
    perform monitoring.refuse_request(
      '22023', 'example has no word of 16 characters', 'example',
      'Formats are for long random words: letters, digits, _ and -. A short secret is redacted where its name is beside it, as '
      || 'in acme_secret=….'
    );
  end if;
  if new.counterexample ~ v_pattern then
    perform monitoring.refuse_request(
      '22023', 'counterexample is matched by the format', 'counterexample',
      'Make the prefix longer, or require more characters in body.'
    );
  end if;
  perform monitoring.refuse_request(
    '22023', format('the format matches an ordinary text: %s', ordinary.body), 'body',
    'Make the prefix longer, or require more characters in body.'
  )
  from monitoring.list_ordinary_texts() as ordinary (body)
  where ordinary.body ~ v_pattern;
  return new;
end
$$;

comment on function monitoring.check_secret_format() is
'Refuses, with 22023 and the name of the field, a format that lacks something, whose expression is invalid or could be
slow, that does not match its example, or that matches its counterexample, a short word or an ordinary text.';

create trigger secret_formats_are_checked
before insert or update on monitoring.secret_formats
for each row execute function monitoring.check_secret_format();

create function monitoring.audit_secret_format()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_hidden constant text[] := array['example', 'counterexample', 'updated_at'];
begin
  insert into public.agent_actions (agent, action, success, details)
  values (
    monitoring.read_actor(),
    'secret_format_' || case tg_op when 'INSERT' then 'added' when 'UPDATE' then 'changed' else 'removed' end,
    true,
    jsonb_strip_nulls(jsonb_build_object(
      'format', coalesce(new.name, old.name),
      'from', case when tg_op <> 'INSERT' then to_jsonb(old) - c_hidden end,
      'to', case when tg_op <> 'DELETE' then to_jsonb(new) - c_hidden end
    ))
  );
  return null;
end
$$;

comment on function monitoring.audit_secret_format() is
'Writes the audit row of a format that was added, changed or removed: who, from what, to what. The example, which has
the form of a secret, is left out.';

create trigger secret_formats_are_audited
after insert or update or delete on monitoring.secret_formats
for each row
when (coalesce(current_setting('monitoring.installs_formats', true), '') <> 'yes')
execute function monitoring.audit_secret_format();
