-- Purpose: provides the RPC that erases a person's data from every table.
-- Objects: type monitoring.person_search; functions monitoring.prepare_search, monitoring.is_own_word,
--   monitoring.erase_rows, monitoring.find_actions_to_erase, monitoring.describe_erased_actions,
--   monitoring.write_erased_actions, monitoring.lock_audit_chains, monitoring.erase_incidents,
--   monitoring.report_kept_rows, public.erase_personal_data.
-- Risks: it reads every table completely, without locks, and then locks the rows to change, skipping those that
--   somebody else has locked: it waits for nobody in the middle of its work, and nobody waits for its reading. Locks:
--   the advisory locks of erasures and of remembered events, incidents by fingerprint, rows of other tables without
--   waiting, heads of audit chains.

create type monitoring.person_search as (pattern text, word text, spellings text);

comment on type monitoring.person_search is
'How a text is found. pattern finds it exactly. word, a part of it that is the same in every encoding, and spellings, a
regular expression, are faster: first word, then spellings, then pattern is tried.';

create function monitoring.prepare_search(person text)
returns monitoring.person_search
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  select
    monitoring.match_person(prepare_search.person),
    coalesce(
      (
        select lower(words.word)
        from regexp_split_to_table(prepare_search.person, '[^A-Za-z0-9]+') as words (word)
        -- Spellings of an IPv6 address have no word in common.
        where monitoring.read_address(prepare_search.person) is null or strpos(prepare_search.person, ':') = 0
        order by length(words.word) desc
        limit 1
      ),
      ''
    ),
    monitoring.match_spellings(prepare_search.person)
$$;

comment on function monitoring.prepare_search(text) is 'Returns how a text is found.';

create function monitoring.is_own_word(pattern text)
returns boolean
language sql
stable
strict
security invoker
set search_path = ''
as $$
  select exists (
    select
    from (
      select '[erased]@erased.invalid [redacted] the recipient was erased' as text
      union all
      -- Keys of documents, and values that functions and people look for.
      select 'event issue data exception level extra contexts http https http_status true false null'
      union all
      select 'severity category status sentry server browser health-check'
      union all
      select columns.name
      from monitoring.list_personal_data_columns() as columns
      union all
      select pg_enum.enumlabel
      from monitoring.list_own_objects() as own
      join pg_catalog.pg_type on pg_type.typname = own.name and pg_type.typnamespace = to_regnamespace(own.schema)
      join pg_catalog.pg_enum on pg_enum.enumtypid = pg_type.oid
      where own.kind = 'type'
    ) as words
    where words.text ~* is_own_word.pattern
  )
$$;

comment on function monitoring.is_own_word(text) is
'Returns whether a pattern of match_person() finds a word that rows contain whoever they are about: a mark of an
erasure, the name of a column, a severity, category or status, or a key of documents.';

create function monitoring.erase_rows(
  relation text, search monitoring.person_search, most_rows integer, out erased integer, out is_complete boolean
)
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_sql record;
  v_found tid[];
begin
  select described.condition, described.has_changed, described.assignments
  into v_sql
  from monitoring.describe_erasure(erase_rows.relation) as described;
  execute format(
    'select array(select ctid from %s where %s limit $4 + 1)', erase_rows.relation::regclass, v_sql.condition
  )
  into v_found
  using (erase_rows.search).pattern, (erase_rows.search).word, (erase_rows.search).spellings, erase_rows.most_rows;
  execute format(
    'with locked as materialized ('
    '  select tableoid, ctid from %1$s where ctid = any($2) and %3$s for no key update skip locked'
    ') update %1$s as changed set %2$s from locked'
    ' where changed.ctid = locked.ctid and changed.tableoid = locked.tableoid', -- of a partitioned table
    erase_rows.relation::regclass, v_sql.assignments, v_sql.has_changed
  )
  using (erase_rows.search).pattern, v_found[:erase_rows.most_rows];
  get diagnostics erased = row_count;
  is_complete := erased = cardinality(v_found);
end
$$;

comment on function monitoring.erase_rows(text, monitoring.person_search, integer) is
'Erases what a pattern finds from up to most_rows rows of a table. Rows that are locked are left: is_complete is false
then, and when there are more.';

create function monitoring.find_actions_to_erase(
  search monitoring.person_search, has_incident boolean, most_rows integer
)
returns bigint[]
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_found bigint[];
begin
  -- The details of these two kinds are numbers, times and hashes, by which the trail is verified.
  execute format(
    'select array('
    '  select id from public.agent_actions'
    '  where (incident_id is not null) = $4 and action not in (''audit_purged'', ''personal_data_erased'') and %s limit $5'
    ')',
    (select described.condition from monitoring.describe_erasure('public.agent_actions') as described)
  )
  into v_found
  using (find_actions_to_erase.search).pattern, (find_actions_to_erase.search).word,
    (find_actions_to_erase.search).spellings, find_actions_to_erase.has_incident, find_actions_to_erase.most_rows;
  return v_found;
end
$$;

comment on function monitoring.find_actions_to_erase(monitoring.person_search, boolean, integer) is
'Returns the ids of up to most_rows actions in whose texts a pattern finds something, either of incidents or of none.';

create function monitoring.describe_erased_actions(entries public.agent_actions[])
returns jsonb
language sql
immutable
strict
security invoker
set search_path = ''
as $$
  select coalesce(jsonb_object_agg(entry.id, monitoring.hash_action_content(entry)), '{}')
  from unnest(describe_erased_actions.entries) as entry
$$;

comment on function monitoring.describe_erased_actions(public.agent_actions[]) is
'Returns what an erasure records of the actions that it changes: their ids, and the hashes of the texts that are left.';

create function monitoring.write_erased_actions(entries public.agent_actions[])
returns integer
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_count integer;
begin
  update public.agent_actions
  set
    agent = entry.agent,
    error = entry.error,
    safety_checks = entry.safety_checks,
    details = entry.details,
    content_salt = entry.content_salt
  from unnest(write_erased_actions.entries) as entry
  where agent_actions.id = entry.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function monitoring.write_erased_actions(public.agent_actions[]) is
'Writes the texts that an erasure left of actions. The trigger of the table checks that the erasure is recorded.';

create function monitoring.lock_audit_chains(action_ids bigint[])
returns void
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
begin
  perform
  from monitoring.audit_heads
  where audit_heads.chain = monitoring.current_caller()
    or audit_heads.chain in (
      select agent_actions.chain
      from public.agent_actions
      where agent_actions.id = any(lock_audit_chains.action_ids)
    )
  order by audit_heads.chain
  for no key update;
end
$$;

comment on function monitoring.lock_audit_chains(bigint[]) is
'Locks the heads of the chains of these actions, and that of the caller, in order: retention deletes no action of a
chain whose head is locked.';

create function monitoring.erase_incidents(
  search monitoring.person_search,
  most_rows integer,
  out incidents integer,
  out actions integer,
  out is_complete boolean
)
language plpgsql
volatile
strict
security invoker
set search_path = ''
as $$
declare
  v_sql record;
  v_found text[];
  v_found_actions bigint[] := monitoring.find_actions_to_erase(
    erase_incidents.search, true, erase_incidents.most_rows + 1
  );
  v_locked text[];
  v_changed text[];
  v_entries public.agent_actions[];
begin
  select described.condition, described.has_changed, described.assignments
  into v_sql
  from monitoring.describe_erasure('public.incidents') as described;
  execute format('select array(select id from public.incidents where %s limit $4 + 1)', v_sql.condition)
  into v_found
  using (erase_incidents.search).pattern, (erase_incidents.search).word, (erase_incidents.search).spellings,
    erase_incidents.most_rows;
  v_locked := array(
    select locked.id
    from public.incidents as locked
    where locked.id = any(v_found[:erase_incidents.most_rows])
      or locked.id in (
        select agent_actions.incident_id
        from public.agent_actions
        where agent_actions.id = any(v_found_actions[:erase_incidents.most_rows])
      )
    order by locked.fingerprint, locked.id
    for no key update skip locked
  );
  execute format(
    'with changed as (update public.incidents set %s where id = any($2) and %s returning id)'
    ' select array(select id from changed)',
    v_sql.assignments, v_sql.has_changed
  )
  into v_changed
  using (erase_incidents.search).pattern, v_locked;
  v_entries := array(
    select monitoring.erase_action(agent_actions, (erase_incidents.search).pattern)
    from public.agent_actions
    where agent_actions.id = any(v_found_actions[:erase_incidents.most_rows])
      and agent_actions.incident_id = any(v_locked)
  );
  -- The record comes first: an action may only change as recorded.
  insert into public.agent_actions (agent, action, incident_id, success, details)
  select
    monitoring.read_actor(), 'personal_data_erased', touched.id, true,
    jsonb_build_object('incident', touched.id = any(v_changed), 'actions', coalesce(erased.actions, '{}'))
  from unnest(v_locked) as touched (id)
  left join (
    select entry.incident_id, monitoring.describe_erased_actions(array_agg(entry)) as actions
    from unnest(v_entries) as entry
    group by entry.incident_id
  ) as erased on erased.incident_id = touched.id
  where touched.id = any(v_changed)
    or erased.incident_id is not null;
  incidents := cardinality(v_changed);
  actions := monitoring.write_erased_actions(v_entries);
  is_complete := incidents >= cardinality(v_found) and actions = cardinality(v_found_actions);
end
$$;

comment on function monitoring.erase_incidents(monitoring.person_search, integer) is
'Erases what a pattern finds from up to most_rows incidents and as many of their actions, and records in the audit trail
of each incident what was changed. Incidents that somebody else has locked are left: is_complete is false then.';

create function monitoring.report_kept_rows(search monitoring.person_search)
returns jsonb
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
declare
  v_column monitoring.personal_data_column;
  v_rows bigint;
  v_left jsonb := '[]'::jsonb;
begin
  for v_column in
    select listed.*
    from monitoring.list_personal_data_columns() as listed
    where listed.treatment = 'reported'
    order by listed.relation, listed.name
  loop
    execute format(
      'select count(*) from %1$s where case when strpos(lower(%2$I::text), $2) > 0 then %2$I::text ~* $1 end',
      v_column.relation::regclass, v_column.name
    )
    into v_rows
    using (report_kept_rows.search).pattern, (report_kept_rows.search).word;
    if v_rows > 0 then
      v_left := v_left || jsonb_build_object(
        'column', v_column.relation || '.' || v_column.name, 'rows', v_rows, 'reason', v_column.reason
      );
    end if;
  end loop;
  return v_left;
end
$$;

comment on function monitoring.report_kept_rows(monitoring.person_search) is
'Returns in which columns a pattern finds something that is not erased, in how many rows, and why it is left.';

create function public.erase_personal_data(person text, most_rows integer default 1000)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
set lock_timeout = '2s'
set statement_timeout = '10min'
as $$
declare
  v_person text := btrim(erase_personal_data.person, e' \t\r\n');
  v_search monitoring.person_search;
  v_most integer := erase_personal_data.most_rows;
  v_relation text;
  v_done record;
  v_erased jsonb := '{}'::jsonb;
  v_is_complete boolean;
  v_loose bigint[];
  v_entries public.agent_actions[];
begin
  if v_person is null or length(v_person) not between 4 and 320 then
    perform monitoring.refuse_request(
      'PT400', 'person must have 4 to 320 characters', 'person', 'Send an e-mail or IP address, a name or an account id.'
    );
  elsif v_most is null or v_most not between 1 and 10000 then
    perform monitoring.refuse_request('PT400', 'most_rows must be from 1 to 10,000', 'most_rows', 'Leave it out for 1,000.');
  end if;
  v_search := monitoring.prepare_search(v_person);
  if monitoring.is_own_word(v_search.pattern) then
    perform monitoring.refuse_request(
      'PT400', 'person is a word that the database itself writes: erasing it would damage every row', 'person',
      'Send the text that names the person, such as the full name.'
    );
  end if;

  perform pg_advisory_xact_lock(20261128, 1);
  perform monitoring.forget_remembered_events();
  perform set_config('monitoring.erased_person', v_search.pattern, true);
  select done.* into v_done from monitoring.erase_incidents(v_search, v_most) as done;
  v_erased := jsonb_build_object('public.incidents', v_done.incidents, 'public.agent_actions', v_done.actions);
  v_is_complete := v_done.is_complete;
  for v_relation in
    select distinct listed.relation
    from monitoring.list_personal_data_columns() as listed
    where listed.treatment = 'erased'
      and listed.relation <> all(array['public.incidents', 'public.agent_actions'])
    order by listed.relation
  loop
    select done.* into v_done from monitoring.erase_rows(v_relation, v_search, v_most) as done;
    v_erased := v_erased || jsonb_build_object(v_relation, v_done.erased);
    v_is_complete := v_is_complete and v_done.is_complete;
  end loop;

  -- Last, because heads of audit chains are the last locks.
  v_loose := monitoring.find_actions_to_erase(v_search, false, v_most + 1);
  perform monitoring.lock_audit_chains(v_loose[:v_most]);
  v_entries := array(
    select monitoring.erase_action(agent_actions, v_search.pattern)
    from public.agent_actions
    where agent_actions.id = any(v_loose[:v_most])
  );
  v_erased := v_erased || jsonb_build_object(
    'public.agent_actions', (v_erased ->> 'public.agent_actions')::integer + cardinality(v_entries)
  );
  v_is_complete := v_is_complete and cardinality(v_entries) = cardinality(v_loose);
  insert into public.agent_actions (agent, action, success, details)
  values (
    monitoring.read_actor(), 'personal_data_erased', true,
    jsonb_build_object('rows', v_erased, 'actions', monitoring.describe_erased_actions(v_entries))
  );
  perform monitoring.write_erased_actions(v_entries);
  perform set_config('monitoring.erased_person', '', true);
  return jsonb_build_object(
    'is_complete', v_is_complete,
    'erased', v_erased,
    'left', monitoring.report_kept_rows(v_search),
    'elsewhere', monitoring.list_copies_elsewhere()
  );
exception
  when lock_not_available or deadlock_detected then
    perform monitoring.refuse_request(
      'PT503', 'another transaction holds a lock', '', 'Nothing was changed. Call the function again.'
    );
    return null;
end
$$;

revoke all on function public.erase_personal_data(text, integer) from public, anon, authenticated, service_role;

grant execute on function public.erase_personal_data(text, integer) to service_role;

comment on function public.erase_personal_data(text, integer) is
'Replaces a text that names a person by [erased] in every table, in up to most_rows rows of each.

person is an e-mail or IP address, a name or an account id of 4 or more characters. It is found as whole words, in upper
and lower case, URL-encoded and escaped in JSON, in texts, documents and their keys. Returns {"is_complete", "erased":
{table: rows}, "left": [{"column", "rows", "reason"}], "elsewhere"}. Call it again until is_complete is true: it is
false when there are more rows, or when a row was locked. left says what is found and kept, and why; elsewhere lists
where copies can be that this function does not reach. An address in notification_recipients is reported, not removed.
The audit trail records each erasure, without the text, and stays verifiable, see verify_audit(). An e-mail that waits
for the person becomes failed; a known fix that is changed loses its approval. To see what a call would erase, run it in
a transaction in the SQL editor and roll back. 400 for a text that is too short or a word of the product; 503 while a
lock is held for 2 seconds. Security definer, because nobody may change these tables directly.';
