-- Purpose: pg_cron 1.6 without its shared library. Tables, policies, signatures, grants and error texts were compared
-- with the real extension (1.6.5 on PostgreSQL 17); local/emulators/pg_cron/scheduler.py emulates its worker.
-- Objects: schema cron; job, job_run_details; schedule, schedule_in_database, unschedule, alter_job.
-- Differences: functions whose names begin with an underscore are additions; the cache is invalidated by a NOTIFY.

create schema cron;

create sequence cron.jobid_seq;

create table cron.job (
  jobid bigint primary key default nextval('cron.jobid_seq'),
  schedule text not null,
  command text not null,
  nodename text not null default 'localhost',
  nodeport integer not null default inet_server_port(),
  database text not null default current_database(),
  username text not null default current_user,
  active boolean not null default true,
  jobname text,
  constraint jobname_username_uniq unique (jobname, username)
);

alter table cron.job enable row level security;

create policy cron_job_policy on cron.job using (username = current_user);

create sequence cron.runid_seq;

create table cron.job_run_details (
  jobid bigint,
  runid bigint primary key default nextval('cron.runid_seq'),
  job_pid integer,
  database text,
  username text,
  command text,
  status text,
  return_message text,
  start_time timestamptz,
  end_time timestamptz
);

alter table cron.job_run_details enable row level security;

create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user);

grant select on cron.job to public;

grant select, delete on cron.job_run_details to public;

grant select on sequence cron.jobid_seq, cron.runid_seq to public;

-- pg_dump includes these rows. Only an extension's script may call this function; on an external server the stack runs
-- this file as plain SQL, where the call raises feature_not_supported.
do $$
begin
  perform pg_catalog.pg_extension_config_dump('cron.job', '');
  perform pg_catalog.pg_extension_config_dump('cron.jobid_seq', '');
  perform pg_catalog.pg_extension_config_dump('cron.job_run_details', '');
  perform pg_catalog.pg_extension_config_dump('cron.runid_seq', '');
exception
  when feature_not_supported then
    null;
end;
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Parsing a schedule. The functions here and the scheduler use the same grammar, that of _parse_schedule.

create function cron._parse_field(field text, low integer, high integer, names text[])
returns integer[]
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
declare
  v_rest text := field;
  v_match text[];
  v_first integer;
  v_last integer;
  v_step integer;
  v_values integer[] := '{}';
begin
  loop
    v_match := regexp_match(v_rest, '^(?:(\*)|([0-9A-Za-z]+)(?:-([0-9A-Za-z]+))?)(?:/([0-9A-Za-z]+))?(.*)$');
    -- The parts: star, first, last, step, rest. A step needs a star or a range before it.
    if v_match is null or (v_match[1] is null and v_match[3] is null and v_match[4] is not null) then
      return null;
    end if;
    if v_match[1] is not null then
      v_first := low;
      v_last := high;
    else
      v_first := cron._parse_number(v_match[2], low, names);
      v_last := cron._parse_number(coalesce(v_match[3], v_match[2]), low, names);
    end if;
    v_step := cron._parse_number(coalesce(v_match[4], '1'), 0, '{}');
    if v_first is null or v_last is null or v_step is null
      or v_first not between low and high or v_last not between low and high or v_step not between 1 and high
      -- A dash or slash left over is a range or step without its number; after a star, a dash is ignored.
      or left(v_match[5], 1) = '/' or (v_match[1] is null and v_match[3] is null and left(v_match[5], 1) = '-') then
      return null;
    end if;
    -- A reversed range is accepted and contains no value.
    v_values := v_values || array(select generate_series(v_first, v_last, v_step));
    exit when left(v_match[5], 1) <> ',' or v_match[5] = '';
    v_rest := substr(v_match[5], 2);
  end loop;
  -- Text after the last range of a field ("*x", "1.5") is ignored, as in cron.
  return array(select distinct value from unnest(v_values) as value order by value);
end;
$$;

comment on function cron._parse_field(text, integer, integer, text[]) is
'Emulator only: the values that one field of a crontab line allows, null when the field is not valid.';

create function cron._parse_number(word text, low integer, names text[])
returns integer
language sql
immutable
parallel safe
set search_path = ''
return coalesce(
  array_position(names, lower(word)) - 1 + low,
  case when word ~ '^0*[0-9]{1,4}$' then word::numeric::integer end
);

comment on function cron._parse_number(text, integer, text[]) is
'Emulator only: a number of a crontab field, written in digits or as one of the names; null when it is neither.';

create function cron._parse_schedule(schedule text)
returns jsonb
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
declare
  v_months constant text[] := '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}';
  v_days constant text[] := '{sun,mon,tue,wed,thu,fri,sat}';
  v_seconds text := (regexp_match(schedule, '^\s*\+?([0-9]+)\s*second(?:s\s*)?$', 'i'))[1];
  v_fields text[] := regexp_split_to_array(ltrim(schedule, E' \t\n'), '[ \t]+');
  v_minute integer[];
  v_hour integer[];
  v_day integer[];
  v_month integer[];
  v_weekday integer[];
begin
  if v_seconds::numeric between 1 and 59 then
    return jsonb_build_object('seconds', v_seconds::integer);
  end if;
  case rtrim(v_fields[1], E'\n')
    when '@reboot', '@restart' then return '{"reboot": true}';
    when '@yearly', '@annually' then v_fields := '{0,0,1,1,*}';
    when '@monthly' then v_fields := '{0,0,1,*,*}';
    when '@weekly' then v_fields := '{0,0,*,*,0}';
    when '@daily', '@midnight' then v_fields := '{0,0,*,*,*}';
    when '@hourly' then v_fields := '{0,*,*,*,*}';
    else null;
  end case;
  v_minute := cron._parse_field(v_fields[1], 0, 59, '{}');
  v_hour := cron._parse_field(v_fields[2], 0, 23, '{}');
  v_day := case when v_fields[3] = '$' then '{}' else cron._parse_field(v_fields[3], 1, 31, '{}') end;
  v_month := cron._parse_field(v_fields[4], 1, 12, v_months);
  v_weekday := cron._parse_field(v_fields[5], 0, 7, v_days);
  if v_minute is null or v_hour is null or v_day is null or v_month is null or v_weekday is null then
    return null;
  end if;
  return jsonb_build_object(
    'minute', v_minute,
    'hour', v_hour,
    'day', v_day,
    'month', v_month,
    -- 0 and 7 are both Sunday.
    'weekday', array(select distinct value % 7 from unnest(v_weekday) as value),
    'last_day', v_fields[3] = '$',
    -- If one of the two day fields begins with a star, both must match, else either one.
    'both_days', left(v_fields[3], 1) = '*' or left(v_fields[5], 1) = '*',
    'wildcard_time', left(v_fields[1], 1) = '*' or left(v_fields[2], 1) = '*'
  );
end;
$$;

comment on function cron._parse_schedule(text) is
'Emulator only: a parsed schedule ("seconds", "reboot", or the value sets of a crontab line), null if it is invalid.';

create function cron._check_schedule(schedule text)
returns void
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
begin
  if cron._parse_schedule(schedule) is null then
    raise exception using
      errcode = '22023',
      message = 'invalid schedule: ' || schedule,
      hint = 'Use cron format (e.g. 5 4 * * *), or interval format ''[1-59] seconds''';
  end if;
end;
$$;

comment on function cron._check_schedule(text) is
'Emulator only: rejects an invalid schedule with the error of pg_cron.';

-- ---------------------------------------------------------------------------------------------------------------------
-- Changing jobs. The real functions are written in C: they read the effective user and write cron.job, on which no role
-- has more than SELECT. Here the public function (security invoker) passes current_user to a security definer function,
-- which accepts the name only from the public function: it checks the second line of its call stack, and only the owner
-- can create functions in this schema.

create function cron._check_caller(call_stack text)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if split_part(call_stack, E'\n', 2) !~ '^PL/pgSQL function cron\.(schedule|schedule_in_database|unschedule|alter_job)\('
  then
    raise exception using errcode = '42501', message = 'permission denied: call the public functions of schema cron';
  end if;
end;
$$;

comment on function cron._check_caller(text) is
'Emulator only: rejects a call of an internal function that does not come from a public one of this schema.';

create function cron._check_role(role_name text)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_can_login boolean;
begin
  select rolcanlogin into v_can_login
  from pg_catalog.pg_roles
  where rolname = role_name;
  if v_can_login is null then
    raise exception using errcode = 'XX000', message = format('role "%s" does not exist', role_name);
  elsif not v_can_login then
    raise exception using
      errcode = 'XX000',
      message = format('role "%s" can not log in', role_name),
      detail = 'Jobs may only be run by roles that have the LOGIN attribute.';
  end if;
end;
$$;

comment on function cron._check_role(text) is 'Emulator only: rejects a role that cannot run jobs.';

create function cron._check_database(role_name text, database_name text)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if not has_database_privilege(role_name, database_name, 'connect') then
    raise exception using
      errcode = 'XX000',
      message = format('User %s does not have CONNECT privilege on %s', role_name, database_name);
  end if;
end;
$$;

comment on function cron._check_database(text, text) is
'Emulator only: rejects a database that does not exist (3D000) or that the role may not connect to.';

create function cron._is_superuser(role_name text)
returns boolean
language sql
stable
set search_path = ''
return (
  select rolsuper
  from pg_catalog.pg_roles
  where rolname = role_name
);

comment on function cron._is_superuser(text) is 'Emulator only: whether a role is a superuser.';

create function cron._save_job(
  caller text, job_name text, schedule text, command text, database text, username text, active boolean
)
returns bigint
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_call_stack text;
  v_job_id bigint;
begin
  get diagnostics v_call_stack = pg_context;
  perform cron._check_caller(v_call_stack);
  perform cron._check_schedule(_save_job.schedule);
  if _save_job.username is not null then
    if not cron._is_superuser(caller) then
      raise exception using errcode = 'XX000', message = 'must be superuser to create a job for another role';
    end if;
    perform cron._check_role(_save_job.username);
  end if;
  perform cron._check_database(
    coalesce(_save_job.username, caller), coalesce(_save_job.database, current_database())
  );
  insert into cron.job (schedule, command, nodename, nodeport, database, username, active, jobname)
  values (
    _save_job.schedule,
    _save_job.command,
    'localhost',
    current_setting('port')::integer,
    coalesce(_save_job.database, current_database()),
    coalesce(_save_job.username, caller),
    coalesce(_save_job.active, true),
    job_name
  )
  -- As in pg_cron: scheduling an existing name changes these three columns and not active.
  on conflict on constraint jobname_username_uniq do update set
    schedule = excluded.schedule,
    command = excluded.command,
    database = excluded.database
  returning jobid into v_job_id;
  return v_job_id;
end;
$$;

comment on function cron._save_job(text, text, text, text, text, text, boolean) is
'Emulator only: writes a job for caller. Security definer because no role has INSERT on cron.job.';

create function cron.schedule(schedule text, command text)
returns bigint
language plpgsql
strict
set search_path = ''
as $$
begin
  return cron._save_job(current_user, null, schedule, command, null, null, null);
end;
$$;

comment on function cron.schedule(text, text) is 'schedule a pg_cron job';

create function cron._check_names(job_name text, schedule text, command text)
returns void
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_missing text := case
    when job_name is null then 'job_name'
    when schedule is null then 'schedule'
    when command is null then 'command'
  end;
begin
  if v_missing is not null then
    raise exception using errcode = 'XX000', message = v_missing || ' can not be NULL';
  end if;
end;
$$;

comment on function cron._check_names(text, text, text) is
'Emulator only: rejects null arguments of the functions with names, which are not strict.';

create function cron.schedule(job_name text, schedule text, command text)
returns bigint
language plpgsql
set search_path = ''
as $$
begin
  perform cron._check_names(job_name, schedule, command);
  return cron._save_job(current_user, job_name, schedule, command, null, null, null);
end;
$$;

comment on function cron.schedule(text, text, text) is 'schedule a pg_cron job';

create function cron.schedule_in_database(
  job_name text,
  schedule text,
  command text,
  database text,
  username text default null,
  active boolean default true
)
returns bigint
language plpgsql
set search_path = ''
as $$
begin
  perform cron._check_names(job_name, schedule, command);
  return cron._save_job(current_user, job_name, schedule, command, database, username, active);
end;
$$;

comment on function cron.schedule_in_database(text, text, text, text, text, boolean) is 'schedule a pg_cron job';

create function cron._delete_job(caller text, job_id bigint, job_name text)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_call_stack text;
  v_job cron.job;
begin
  get diagnostics v_call_stack = pg_context;
  perform cron._check_caller(v_call_stack);
  select * into v_job
  from cron.job
  where
    job.jobid = job_id
    or (job.jobname = job_name and job.username = caller);
  if not found then
    raise exception using
      errcode = 'XX000',
      message = 'could not find valid entry for job ' || coalesce(job_id::text, '''' || job_name || '''');
  end if;
  if lower(v_job.username) <> lower(caller) and not has_table_privilege(caller, 'cron.job', 'delete') then
    raise exception using errcode = '42501', message = 'permission denied for table job';
  end if;
  delete from cron.job where job.jobid = v_job.jobid;
  return true;
end;
$$;

comment on function cron._delete_job(text, bigint, text) is
'Emulator only: deletes a job of caller by id or name. Security definer because no role has DELETE on cron.job.';

create function cron.unschedule(job_id bigint)
returns boolean
language plpgsql
strict
set search_path = ''
as $$
begin
  return cron._delete_job(current_user, job_id, null);
end;
$$;

comment on function cron.unschedule(bigint) is 'unschedule a pg_cron job';

create function cron.unschedule(job_name text)
returns boolean
language plpgsql
strict
set search_path = ''
as $$
begin
  return cron._delete_job(current_user, null, job_name);
end;
$$;

comment on function cron.unschedule(text) is 'unschedule a pg_cron job';

create function cron._alter_job(
  caller text, job_id bigint, schedule text, command text, database text, username text, active boolean
)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_call_stack text;
begin
  get diagnostics v_call_stack = pg_context;
  perform cron._check_caller(v_call_stack);
  if job_id is null then
    raise exception using errcode = 'XX000', message = 'job_id can not be NULL';
  end if;
  if _alter_job.username is not null then
    if not cron._is_superuser(caller) then
      raise exception using errcode = 'XX000', message = 'must be superuser to alter username';
    end if;
    perform cron._check_role(_alter_job.username);
  end if;
  if _alter_job.database is not null then
    perform cron._check_database(coalesce(_alter_job.username, caller), _alter_job.database);
  end if;
  if _alter_job.schedule is not null then
    perform cron._check_schedule(_alter_job.schedule);
  end if;
  if num_nonnulls(
    _alter_job.schedule, _alter_job.command, _alter_job.database, _alter_job.username, _alter_job.active
  ) = 0 then
    raise exception using
      errcode = 'XX000',
      message = 'no updates specified',
      hint = 'You must specify at least one job attribute to change when calling alter_job';
  end if;
  update cron.job set
    schedule = coalesce(_alter_job.schedule, job.schedule),
    command = coalesce(_alter_job.command, job.command),
    database = coalesce(_alter_job.database, job.database),
    username = coalesce(_alter_job.username, job.username),
    active = coalesce(_alter_job.active, job.active)
  where
    job.jobid = job_id
    and (job.username = caller or cron._is_superuser(caller));
  if not found then
    raise exception using
      errcode = 'XX000',
      message = format('Job %s does not exist or you don''t own it', job_id);
  end if;
  return true;
end;
$$;

comment on function cron._alter_job(text, bigint, text, text, text, text, boolean) is
'Emulator only: changes a job of caller. Security definer because no role has UPDATE on cron.job.';

create function cron.alter_job(
  job_id bigint,
  schedule text default null,
  command text default null,
  database text default null,
  username text default null,
  active boolean default null
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_done boolean;
begin
  -- An assignment, not PERFORM, which would add a line between the two functions to the call stack.
  v_done := cron._alter_job(current_user, job_id, schedule, command, database, username, active);
end;
$$;

comment on function cron.alter_job(bigint, text, text, text, text, boolean) is
'Alter the job identified by job_id. Any option left as NULL will not be modified.';

create function cron.job_cache_invalidate()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform pg_notify('pg_cron_jobs', '');
  return null;
end;
$$;

comment on function cron.job_cache_invalidate() is 'invalidate job cache';

create trigger cron_job_cache_invalidate
after insert or update or delete or truncate on cron.job
for each statement execute function cron.job_cache_invalidate();

-- ---------------------------------------------------------------------------------------------------------------------
-- Grants. PostgreSQL grants EXECUTE on a new function to PUBLIC; it is repeated here because default privileges may
-- have revoked it. The two functions that take a database or a user are granted by the administrator.

grant execute on all functions in schema cron to public;

revoke all on function cron.alter_job(bigint, text, text, text, text, boolean) from public;

revoke all on function cron.schedule_in_database(text, text, text, text, text, boolean) from public;

-- Hosted Supabase grants all of them to postgres (pg_cron/after-create.sql of supabase/postgres). Its grants on the
-- tables are in local/postgres/extension_grants.sql, which also runs after the real extension was created.
do $$
begin
  if exists (select from pg_catalog.pg_roles where rolname = 'postgres' and rolname <> current_user) then
    grant all on all functions in schema cron to postgres with grant option;
  end if;
end;
$$;
