-- Purpose: what is known about errors: what they mean and which fix worked.
-- Objects: public.error_knowledge with its vector index.
-- Risks: the index is HNSW, because IVFFlat built on an empty table finds a third of the neighbours (measured).

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
  embedding extensions.vector(1536),
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
  constraint updated_at_is_not_before_created_at check (updated_at >= created_at)
);

create index error_knowledge_embedding_idx on public.error_knowledge
using hnsw (embedding extensions.vector_cosine_ops);

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
'Known errors: how to recognise one, what causes it, what fixes it, and how often that worked.';

comment on column public.error_knowledge.id is 'Number of the entry.';

comment on column public.error_knowledge.pattern is 'What the error looks like, in words or as an example message.';

comment on column public.error_knowledge.signature is
'Fingerprint of the error, as in incidents.fingerprint. One entry a signature.';

comment on column public.error_knowledge.category is 'Which part of the product it belongs to.';

comment on column public.error_knowledge.severity is 'How bad it usually is.';

comment on column public.error_knowledge.root_cause is 'Why it happens.';

comment on column public.error_knowledge.solution is 'What to do about it.';

comment on column public.error_knowledge.auto_fix_code is
'Code that an agent may run to fix it. Text, never run by the database.';

comment on column public.error_knowledge.is_auto_fix_allowed is 'Whether an agent may run auto_fix_code unasked.';

comment on column public.error_knowledge.embedding is 'Embedding of the pattern, 1536 dimensions, cosine distance.';

comment on column public.error_knowledge.words is 'Its words for full-text search, in English.';

comment on column public.error_knowledge.success_count is 'Times the solution worked.';

comment on column public.error_knowledge.failure_count is 'Times the solution did not work.';

comment on column public.error_knowledge.success_rate is
'Share of the tries that worked, 0 to 1. Null before the first try.';

comment on column public.error_knowledge.created_at is 'When the entry was written.';

comment on column public.error_knowledge.updated_at is 'When the entry was last changed.';
