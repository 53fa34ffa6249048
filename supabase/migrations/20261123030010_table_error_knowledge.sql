-- Purpose: stores known errors: how to recognize them, their cause, their fix and how often the fix worked.
-- Objects: table public.error_knowledge; function monitoring.protect_knowledge; trigger knowledge_is_protected.
-- Risks: the vector index is HNSW, because IVFFlat built on an empty table had a recall of about one third
--   (measured). What an agent writes is untrusted until the owner or service_role approves it.

-- The type vector, in whatever schema the extension is.
select set_config('search_path', monitoring.find_vector_schema(), true);

create table public.error_knowledge (
  id bigint generated always as identity primary key,
  pattern text not null,
  signature text not null unique,
  category public.incident_category not null,
  severity public.incident_severity not null,
  root_cause text,
  solution text,
  auto_fix_code text,
  is_auto_fix_allowed boolean not null default false,
  revision integer not null default 1,
  remembered_by text not null default monitoring.current_caller(),
  approved_by text,
  approved_at timestamptz,
  is_approved boolean not null generated always as (approved_at is not null) stored,
  embedding vector(1536),
  words tsvector generated always as (
    to_tsvector('english', pattern || ' ' || coalesce(root_cause, '') || ' ' || coalesce(solution, ''))
  ) stored,
  success_count integer not null default 0,
  failure_count integer not null default 0,
  success_rate double precision generated always as (
    case
      when success_count + failure_count > 0
        then success_count::double precision / (success_count + failure_count)
    end
  ) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint pattern_is_not_blank check (btrim(pattern) <> ''),
  constraint signature_is_not_blank check (btrim(signature) <> ''),
  constraint success_count_is_not_negative check (success_count >= 0),
  constraint failure_count_is_not_negative check (failure_count >= 0),
  constraint only_existing_code_may_run check (auto_fix_code is not null or not is_auto_fix_allowed),
  constraint only_approved_code_may_run check (approved_at is not null or not is_auto_fix_allowed),
  constraint approvals_say_who check ((approved_at is null) = (approved_by is null)),
  constraint updated_at_is_not_before_created_at check (updated_at >= created_at)
);

create index error_knowledge_embedding_idx on public.error_knowledge
using hnsw (embedding vector_cosine_ops);

create index error_knowledge_words_idx on public.error_knowledge using gin (words);

create index error_knowledge_category_idx on public.error_knowledge (category, severity);

alter table public.error_knowledge enable row level security;

create policy error_knowledge_is_read_by_agents on public.error_knowledge
for select to authenticated
using (true);

revoke all on table public.error_knowledge from public, anon, authenticated, service_role;

revoke all on sequence public.error_knowledge_id_seq from public, anon, authenticated, service_role;

grant select on table public.error_knowledge to authenticated, service_role;

comment on table public.error_knowledge is
'Known errors: how to recognize them, their cause, their fix and how often the fix worked.';

comment on column public.error_knowledge.id is 'Id of the entry.';

comment on column public.error_knowledge.pattern is 'Description of the error, in words or as an example message.';

comment on column public.error_knowledge.signature is
'Fingerprint of the error without its source. Each signature has one entry.';

comment on column public.error_knowledge.category is 'Part of the product that the error belongs to.';

comment on column public.error_knowledge.severity is 'Usual severity of the error.';

comment on column public.error_knowledge.root_cause is 'Cause of the error.';

comment on column public.error_knowledge.solution is 'How to fix the error.';

comment on column public.error_knowledge.auto_fix_code is
'Code that an agent may run as a fix. Stored as text, never run by the database.';

comment on column public.error_knowledge.is_auto_fix_allowed is
'Whether an agent may run auto_fix_code without asking. Needs an approval.';

comment on column public.error_knowledge.revision is
'Number of times the entry was written with another content. An approval names the revision that was read.';

comment on column public.error_knowledge.remembered_by is
'Who wrote the current revision, from the access token: user:<sub>, service_role, or a database role.';

comment on column public.error_knowledge.approved_by is 'Who approved the current revision. Null without an approval.';

comment on column public.error_knowledge.approved_at is
'Time of the approval of the current revision. Any change of the entry clears it.';

comment on column public.error_knowledge.is_approved is
'Whether the owner or service_role approved the current revision. Otherwise it is an agent''s suggestion.';

comment on column public.error_knowledge.embedding is 'Embedding of the entry, 1,536 dimensions, for cosine distance.';

comment on column public.error_knowledge.words is 'Search vector of pattern, root_cause and solution, in English.';

comment on column public.error_knowledge.success_count is
'Number of outcomes in which the solution worked: one per caller and incident.';

comment on column public.error_knowledge.failure_count is 'Number of outcomes in which the solution did not work.';

comment on column public.error_knowledge.success_rate is
'Share of attempts that worked, 0 to 1. Null before the first attempt.';

comment on column public.error_knowledge.created_at is 'Time at which the entry was created.';

comment on column public.error_knowledge.updated_at is 'Time at which the entry was last changed.';

-- What a person who edits the table directly is told when a row is refused.
comment on constraint pattern_is_not_blank on public.error_knowledge is
'pattern must not be blank. Describe the error in words, or give an example message.';

comment on constraint signature_is_not_blank on public.error_knowledge is
'signature must not be blank. Use the fingerprint of the error without its source, or call remember_fix().';

comment on constraint success_count_is_not_negative on public.error_knowledge is
'success_count must be 0 or more. record_fix_outcome() counts.';

comment on constraint failure_count_is_not_negative on public.error_knowledge is
'failure_count must be 0 or more. record_fix_outcome() counts.';

comment on constraint only_existing_code_may_run on public.error_knowledge is
'is_auto_fix_allowed needs auto_fix_code. Enter the code first, or set is_auto_fix_allowed to false.';

comment on constraint only_approved_code_may_run on public.error_knowledge is
'is_auto_fix_allowed needs an approval. Call approve_fix(id, revision, true) after reading the code.';

comment on constraint approvals_say_who on public.error_knowledge is
'approved_by and approved_at belong together. Call approve_fix(id, revision), which sets both.';

comment on constraint updated_at_is_not_before_created_at on public.error_knowledge is
'updated_at must not be earlier than created_at. Leave updated_at as it is.';

comment on constraint error_knowledge_signature_key on public.error_knowledge is
'Another entry has this signature. Edit that entry instead: each signature has one.';

comment on constraint error_knowledge_pkey on public.error_knowledge is
'Another entry has this id. Leave id out, and it is assigned.';

create function monitoring.protect_knowledge()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' then
    new.revision := old.revision;
    new.remembered_by := old.remembered_by;
    if (new.solution, new.auto_fix_code) is distinct from (old.solution, old.auto_fix_code) then
      new.success_count := 0;
      new.failure_count := 0;
    end if;
    if (new.pattern, new.signature, new.category, new.severity, new.root_cause, new.solution, new.auto_fix_code)
      is distinct from
      (old.pattern, old.signature, old.category, old.severity, old.root_cause, old.solution, old.auto_fix_code)
      -- Jobs compute embeddings from the text; one that an agent sends decides for which errors a fix is found.
      or (monitoring.read_role() = 'authenticated' and new.embedding::text is distinct from old.embedding::text)
    then
      new.revision := old.revision + 1;
      new.remembered_by := monitoring.current_caller();
      new.approved_at := null;
      new.updated_at := greatest(clock_timestamp(), old.created_at);
    end if;
    if old.approved_at is not null and new.approved_at is null then
      new.is_auto_fix_allowed := false;
    end if;
  end if;
  if new.approved_at is null then
    new.approved_by := null;
  elsif tg_op = 'INSERT' or new.approved_at is distinct from old.approved_at then
    new.approved_by := monitoring.current_caller();
  end if;
  return new;
end
$$;

comment on function monitoring.protect_knowledge() is
'Ends the approval of a known fix, and the permission to run its code, with any change of its content by any role;
resets the counts when the solution or the code changed.';

create trigger knowledge_is_protected
before insert or update on public.error_knowledge
for each row execute function monitoring.protect_knowledge();
