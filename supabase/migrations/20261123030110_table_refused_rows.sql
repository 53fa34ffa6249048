-- Purpose: explains to a person who edits a table directly, in the dashboard or with psql, why a row is refused.
--   Without it PostgreSQL answers with the name of a constraint and prints the whole row, secrets included.
-- Objects: functions monitoring.list_row_rules, monitoring.describe_row_rule, monitoring.refuses_duplicates,
--   monitoring.explain_refused_row; trigger violations_are_explained on every public table.
-- Risks: the comments of the constraints and unique indexes are the messages. The constraints stay what enforces the
--   rules: the trigger only comes before them, and only in sessions whose search_path is not empty, as it is in each
--   of our functions, so that ingest does not call it. Its name comes after those of the triggers that correct a row.

create function monitoring.list_row_rules(relation regclass, operation text)
returns table (broken_when text, code text, name text)
language sql
stable
security invoker
set search_path = ''
as $$
  select
    format('edited.%I is null', pg_attribute.attname),
    '23502',
    pg_attribute.attname::text
  from pg_catalog.pg_attribute
  where list_row_rules.operation <> 'DELETE'
    and pg_attribute.attrelid = list_row_rules.relation
    and pg_attribute.attnum > 0
    and pg_attribute.attnotnull
    and pg_attribute.attgenerated = ''
    and not pg_attribute.attisdropped
  union all
  select
    format('(%s) is false', pg_catalog.pg_get_expr(pg_constraint.conbin, pg_constraint.conrelid)),
    '23514',
    pg_constraint.conname::text
  from pg_catalog.pg_constraint
  where list_row_rules.operation <> 'DELETE'
    and pg_constraint.conrelid = list_row_rules.relation
    and pg_constraint.contype = 'c'
  union all
  select
    format(
      'exists (select from (select from (select ($1).*) as given where %1$s) as new_row'
      ' join (select * from %2$s where %1$s) as stored on %3$s where stored.%4$I::text is distinct from $2)',
      coalesce(pg_catalog.pg_get_expr(pg_index.indpred, pg_index.indrelid), 'true'),
      pg_index.indrelid::regclass,
      (
        select string_agg(format('stored.%1$I = edited.%1$I', pg_attribute.attname), ' and ')
        from pg_catalog.pg_attribute
        where pg_attribute.attrelid = pg_index.indrelid
          and pg_attribute.attnum = any(pg_index.indkey)
      ),
      (
        select pg_attribute.attname
        from pg_catalog.pg_index as primary_index
        join pg_catalog.pg_attribute on primary_index.indrelid = pg_attribute.attrelid
        where primary_index.indrelid = pg_index.indrelid
          and primary_index.indisprimary
          and pg_attribute.attnum = primary_index.indkey[0]
      )
    ),
    '23505',
    index_class.relname::text
  from pg_catalog.pg_index
  join pg_catalog.pg_class as index_class on pg_index.indexrelid = index_class.oid
  where list_row_rules.operation <> 'DELETE'
    and pg_index.indrelid = list_row_rules.relation
    and pg_index.indisunique
  union all
  select
    case
      when list_row_rules.operation = 'DELETE'
        then format(
          'exists (select from %s as stored where stored.%I = edited.%I)', pg_constraint.conrelid::regclass,
          own_column.attname, other_column.attname
        )
      else format(
        'edited.%2$I is not null and not exists (select from %1$s as stored where stored.%3$I = edited.%2$I)',
        pg_constraint.confrelid::regclass, own_column.attname, other_column.attname
      )
    end,
    '23503',
    pg_constraint.conname::text
  from pg_catalog.pg_constraint
  join pg_catalog.pg_attribute as own_column
    on pg_constraint.conrelid = own_column.attrelid and pg_constraint.conkey[1] = own_column.attnum
  join pg_catalog.pg_attribute as other_column
    on pg_constraint.confrelid = other_column.attrelid and pg_constraint.confkey[1] = other_column.attnum
  where pg_constraint.contype = 'f'
    and case
      when list_row_rules.operation = 'DELETE'
        -- One statement may delete a row and the rows of the same table that refer to it.
        then pg_constraint.confrelid = list_row_rules.relation
          and pg_constraint.conrelid <> list_row_rules.relation
          and pg_constraint.confdeltype in ('a', 'r')
      else pg_constraint.conrelid = list_row_rules.relation
    end
  order by 2 desc, 3
$$;

comment on function monitoring.list_row_rules(regclass, text) is
'Returns the rules of a table that an INSERT, UPDATE or DELETE can break: an SQL condition that is true when it does,
over the row edited, $1, and the text of its former primary key, $2; the SQLSTATE; and the constraint, index or
column.';

create function monitoring.describe_row_rule(relation regclass, name text)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select replace(
    coalesce(
      (
        select pg_catalog.obj_description(pg_constraint.oid, 'pg_constraint')
        from pg_catalog.pg_constraint
        where pg_constraint.conname = describe_row_rule.name
          and describe_row_rule.relation in (pg_constraint.conrelid, pg_constraint.confrelid)
      ),
      (
        select pg_catalog.obj_description(pg_index.indexrelid, 'pg_class')
        from pg_catalog.pg_index
        join pg_catalog.pg_class as index_class on pg_index.indexrelid = index_class.oid
        where pg_index.indrelid = describe_row_rule.relation
          and index_class.relname = describe_row_rule.name
      ),
      (
        select format(
          '%s must not be empty. %s', pg_attribute.attname,
          pg_catalog.col_description(pg_attribute.attrelid, pg_attribute.attnum)
        )
        from pg_catalog.pg_attribute
        where pg_attribute.attrelid = describe_row_rule.relation
          and pg_attribute.attname = describe_row_rule.name
      ),
      format('The row breaks the rule %s.', describe_row_rule.name)
    ),
    e'\n',
    ' '
  )
$$;

comment on function monitoring.describe_row_rule(regclass, text) is
'Returns the sentence that explains a rule of list_row_rules(): the comment of the constraint or index, or for a column
that must not be empty the comment of the column.';

create function monitoring.refuses_duplicates(table_name text)
returns boolean
language sql
volatile
security invoker
set search_path = ''
as $$
  select pg_trigger_depth() = 1
    -- A longer text would be searched again for each row.
    and octet_length(current_query()) <= 100000
    and current_query() ~* format(
      '^(\s|--[^\n]*\n)*insert\s+into\s+("?public"?\s*\.\s*)?"?%s"?\M', refuses_duplicates.table_name
    )
    and current_query() !~* 'on\s+conflict'
$$;

comment on function monitoring.refuses_duplicates(text) is
'Returns whether the running statement is an INSERT into a table that has no ON CONFLICT, so that it fails if the row
exists. False in doubt: of an INSERT in a function or of another trigger, nobody knows whether it handles duplicates.';

create function monitoring.explain_refused_row()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_most constant integer := 1000;
  -- The trigger of a partitioned table runs for the partition.
  v_relation constant regclass := coalesce(pg_catalog.pg_partition_root(tg_relid), tg_relid);
  v_number integer := coalesce(nullif(current_setting('monitoring.explained_rows', true), '')::integer, 0) + 1;
  v_table constant text := (select pg_class.relname::text from pg_catalog.pg_class where pg_class.oid = v_relation);
  v_former_key text;
  v_row record;
  v_broken text[];
begin
  if tg_op = 'DELETE' then
    v_row := old;
  else
    v_row := new;
  end if;
  if v_number > c_most then
    return v_row;
  end if;
  perform set_config('monitoring.explained_rows', v_number::text, true);
  if tg_op = 'UPDATE' then
    v_former_key := coalesce(to_jsonb(old) ->> 'id', to_jsonb(old) ->> 'key', to_jsonb(old) ->> 'name');
  end if;
  -- Built for each row: a text that is kept in a setting could be one that another role wrote there.
  execute (
    select 'select ' || coalesce(
      'case ' || string_agg(
        format('when %s then array[%L, %L]', rules.broken_when, rules.code, rules.name), ' '
        order by rules.code desc, rules.name collate "C"
      ) || ' end',
      'null::text[]'
    ) || ' from (select ($1).*) as edited'
    from monitoring.list_row_rules(v_relation, tg_op) as rules
    where tg_op <> 'INSERT'
      or rules.code <> '23505'
      or monitoring.refuses_duplicates(v_table)
  )
  into v_broken
  using v_row, v_former_key;
  if v_broken is not null then
    raise exception using
      errcode = v_broken[1],
      message = monitoring.describe_row_rule(v_relation, v_broken[2]),
      hint = 'Nothing was changed. Correct the value and save again.',
      schema = 'public',
      table = v_table,
      constraint = v_broken[2];
  end if;
  return v_row;
end
$$;

comment on function monitoring.explain_refused_row() is
'Refuses a row that breaks a rule of its table before PostgreSQL does, with the sentence of describe_row_rule(). No
value of the row is part of the message, because it can be a secret. Looks at the first 1,000 rows of a transaction,
because it takes ten times as long as the insert: later rows are refused by PostgreSQL itself.';

create trigger violations_are_explained
before insert or update or delete on public.incidents
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.explain_refused_row();

create trigger violations_are_explained
before insert or update or delete on public.error_knowledge
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.explain_refused_row();

create trigger violations_are_explained
before insert or update or delete on public.deployment_history
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.explain_refused_row();

create trigger violations_are_explained
before insert or update or delete on public.monitoring_checks
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.explain_refused_row();

create trigger violations_are_explained
before insert or update or delete on public.agent_actions
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.explain_refused_row();

create trigger violations_are_explained
before insert or update or delete on public.security_events
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.explain_refused_row();

create trigger violations_are_explained
before insert or update or delete on public.email_tracking
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.explain_refused_row();

create trigger violations_are_explained
before insert or update or delete on public.system_config
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.explain_refused_row();

create trigger violations_are_explained
before insert or update or delete on public.classification_rules
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.explain_refused_row();
