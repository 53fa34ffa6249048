-- Purpose: stores the operator's own classification rules: one row a rule, which counts from the next report.
-- Objects: table public.classification_rules.
-- Risks: classify_error() reads the enabled rows for every reported event. The CHECKs also hold where triggers do not
--   run, such as in a restored backup, so that no row can make a report fail or match every report.

create table public.classification_rules (
  name text primary key,
  priority integer not null default 100,
  severity public.incident_severity,
  category public.incident_category,
  matches tsquery not null,
  unless tsquery,
  sources text[],
  origin text not null default 'operator',
  is_enabled boolean not null default true,
  example text not null,
  counterexample text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint name_is_a_short_line check (
    btrim(name) <> '' and length(name) <= 100 and monitoring.is_one_line(name)
  ),
  constraint origin_is_known check (origin in ('operator')),
  constraint matches_needs_a_word check (querytree(matches) not in ('', 'T')),
  constraint queries_are_short check (numnode(matches) <= 500 and coalesce(numnode(unless), 0) <= 500),
  constraint updated_at_is_not_before_created_at check (updated_at >= created_at)
);

alter table public.classification_rules enable row level security;

create policy classification_rules_are_read_by_agents on public.classification_rules
for select to authenticated
using (true);

revoke all on table public.classification_rules from public, anon, authenticated, service_role;

grant select on table public.classification_rules to authenticated, service_role;

comment on table public.classification_rules is
'Rules of the operator for the severity and category of an error, tried before the built-in ones.

Insert a row to add a rule; it counts from the next report. Stored incidents keep their severity.';

comment on column public.classification_rules.name is 'Name of the rule, which incidents.rule shows.';

comment on column public.classification_rules.priority is
'Order in which the rules are tried: the lowest number first, equal ones by name. The first rule that matches decides.';

comment on column public.classification_rules.severity is
'Severity that the rule gives. Null: the level of the report decides, and MEDIUM without one.';

comment on column public.classification_rules.category is 'Category that the rule gives. Null: it is guessed.';

comment on column public.classification_rules.matches is
'Words that the error must contain, such as websearch_to_tsquery(''simple'', ''"card declined" stripe''). The
configuration simple keeps words as they are. It is compared with the first 3,000 characters of type and message.';

comment on column public.classification_rules.unless is
'Words that keep the rule from matching. Null or empty: nothing does.';

comment on column public.classification_rules.sources is
'Sources of the reports that the rule is for, such as browser or server, in any case. Null: all.';

comment on column public.classification_rules.origin is 'Who wrote the rule: operator.';

comment on column public.classification_rules.is_enabled is 'Whether the rule is used.';

comment on column public.classification_rules.example is
'A message that the rule must match, sanitized as reports are. A row that does not match it is refused.';

comment on column public.classification_rules.counterexample is
'A message that the rule must not match. A row that matches it is refused.';

comment on column public.classification_rules.created_at is 'Time at which the rule was added.';

comment on column public.classification_rules.updated_at is 'Time at which the rule was last changed.';

-- What a person who edits the table directly is told when a row is refused.
comment on constraint classification_rules_pkey on public.classification_rules is
'There is a rule of this name already. Change that one, or choose another name.';

comment on constraint name_is_a_short_line on public.classification_rules is
'name must be one line of 1 to 100 characters.';

comment on constraint origin_is_known on public.classification_rules is
'origin must be operator: leave it out, and it is.';

comment on constraint matches_needs_a_word on public.classification_rules is
'matches must require a word, such as websearch_to_tsquery(''simple'', ''"card declined"''): otherwise the rule would
decide about every report.';

comment on constraint queries_are_short on public.classification_rules is
'matches and unless must each have at most 500 words and operators. Divide the rule into several.';

comment on constraint updated_at_is_not_before_created_at on public.classification_rules is
'updated_at must not be before created_at: leave both out, and they are set.';
