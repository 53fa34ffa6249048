-- Purpose: stores the rules that give an error its severity and category: one row a rule, which counts from the next
--   report.
-- Objects: table public.classification_rules, indexes classification_rules_by_priority,
--   classification_rules_of_the_operator.
-- Risks: classify_error() reads the enabled rows for every reported event. The CHECKs also hold where triggers do not
--   run, such as in a restored backup, so that no row can make a report fail or match every report. A
--   tsquery cannot be stored out of line, so a row with all its queries must fit into a page.

create table public.classification_rules (
  name text primary key,
  priority integer not null default 100,
  severity public.incident_severity,
  category public.incident_category,
  matches tsquery,
  unless tsquery,
  codes text[],
  statuses int4multirange,
  sources text[],
  pattern text,
  origin text not null default 'operator',
  is_enabled boolean not null default true,
  example text not null,
  counterexample text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  codes_query tsquery generated always as (monitoring.parse_codes(codes)) stored,
  constraint name_is_a_short_line check (
    btrim(name) <> '' and length(name) <= 100 and monitoring.is_one_line(name)
  ),
  constraint origin_is_known check (origin in ('builtin', 'operator')),
  constraint rule_has_a_condition check (
    coalesce(num_nonnulls(matches, codes, statuses, sources), 0) > 0
  ),
  constraint matches_needs_a_word check (querytree(matches) not in ('', 'T')),
  constraint codes_are_not_empty check (codes is null or monitoring.parse_codes(codes) is not null),
  constraint queries_are_short check (
    coalesce(pg_column_size(matches), 0) + coalesce(pg_column_size(unless), 0)
    + coalesce(pg_column_size(monitoring.parse_codes(codes)), 0) <= 8000
  ),
  constraint statuses_are_possible check (statuses <@ '{[0,1),[100,600)}'::int4multirange and not isempty(statuses)),
  constraint pattern_is_short check (pattern <> '' and length(pattern) <= 1000),
  -- Raises 2201B by itself: a pattern that is none would make reports fail.
  constraint pattern_is_an_expression check (pattern is null or ('' ~ pattern) is not null),
  constraint updated_at_is_not_before_created_at check (updated_at >= created_at)
);
alter table public.classification_rules enable row level security;

create policy classification_rules_are_read_by_agents on public.classification_rules
for select to authenticated
using (true);

create index classification_rules_by_priority on public.classification_rules (priority, name);

comment on index public.classification_rules_by_priority is
'Lets classify_error() read the rules in their order, and stop at the first one that decides.';

create index classification_rules_of_the_operator on public.classification_rules (name)
where origin = 'operator';

comment on index public.classification_rules_of_the_operator is
'Tells classify_error() whether there are any rules of the operator, for which it indexes the parts of names too.';

revoke all on table public.classification_rules from public, anon, authenticated, service_role;

grant select on table public.classification_rules to authenticated, service_role;

comment on table public.classification_rules is
'Rules that give an error its severity and category: those of the operator, and the built-in ones.

The first enabled row by priority whose conditions all hold decides: matches, codes, statuses, sources and pattern, as far
as they are given, and not unless. Insert a row to add a rule; it counts from the next report. Built-in rows can be
switched off. Stored incidents keep their severity.';

comment on column public.classification_rules.name is 'Name of the rule, which incidents.rule shows.';

comment on column public.classification_rules.priority is
'Order in which the rules are tried: the lowest number first, equal ones by name. Built-in rules have 1000 and more.';

comment on column public.classification_rules.severity is
'Severity that the rule gives. Null: the level of the report decides, and MEDIUM without one.';

comment on column public.classification_rules.category is
'Category that the rule gives. Null: that of the next matching rule that has one.';

comment on column public.classification_rules.matches is
'Words that the error must contain, such as websearch_to_tsquery(''simple'', ''"card declined" stripe''). The
configuration simple keeps words as they are. It is compared with the first 3,000 characters of type and message.';

comment on column public.classification_rules.unless is
'Words that keep the rule from matching. Null or empty: nothing does.';

comment on column public.classification_rules.codes is
'Codes of which the error must contain one, as error.code or in the text: SQLSTATEs, errnos, names of exceptions, codes
of drivers and vendors, such as {ECONNREFUSED,57P01,PGRST0*}; * at the end stands for any ending. A number counts after a
word such as error or code. Null: none is needed.';

comment on column public.classification_rules.statuses is
'HTTP statuses of which the error must have one, as a field or in the text, such as {[500,600)}. 0 is a request without
an answer. Null: none is needed.';

comment on column public.classification_rules.sources is
'Sources of the reports that the rule is for, such as browser or server, in any case. Null: all.';

comment on column public.classification_rules.pattern is
'Regular expression that the text, in lower case, must match. It is tried only after all other conditions hold; at most
8 rows may have one, because PostgreSQL keeps few compiled. What could make a report slow, such as \1, is refused.';

comment on column public.classification_rules.origin is
'Who wrote the rule: operator or builtin. An upgrade changes built-in rows only.';

comment on column public.classification_rules.is_enabled is 'Whether the rule is used.';

comment on column public.classification_rules.example is
'A message that the rule must match, sanitized as reports are. A row that does not match it is refused.';

comment on column public.classification_rules.counterexample is
'A message that the rule must not match. A row that matches it is refused.';

comment on column public.classification_rules.created_at is 'Time at which the rule was added.';

comment on column public.classification_rules.updated_at is 'Time at which the rule was last changed.';

comment on column public.classification_rules.codes_query is
'The query with which codes are found.';

-- What a person who edits the table directly is told when a row is refused.
comment on constraint classification_rules_pkey on public.classification_rules is
'There is a rule of this name already. Change that one, or choose another name.';

comment on constraint name_is_a_short_line on public.classification_rules is
'name must be one line of 1 to 100 characters.';

comment on constraint origin_is_known on public.classification_rules is
'origin must be operator: leave it out, and it is.';

comment on constraint rule_has_a_condition on public.classification_rules is
'The rule needs a condition: give matches, codes, statuses or sources.';

comment on constraint matches_needs_a_word on public.classification_rules is
'matches must require a word, such as websearch_to_tsquery(''simple'', ''"card declined"''): otherwise the rule would
decide about every report.';

comment on constraint codes_are_not_empty on public.classification_rules is
'codes must contain a code, such as {ECONNREFUSED}. Leave it out if the rule needs none.';

comment on constraint queries_are_short on public.classification_rules is
'matches, unless and codes must together take at most 7,500 bytes, some 300 words. Divide the rule into several.';

comment on constraint statuses_are_possible on public.classification_rules is
'statuses must be within 100 to 599, or 0 for a request without an answer, such as {[500,600)}.';

comment on constraint pattern_is_short on public.classification_rules is
'pattern must be a regular expression of 1 to 1,000 characters. Leave it out if the rule needs none.';

comment on constraint pattern_is_an_expression on public.classification_rules is
'pattern must be a regular expression.';

comment on constraint updated_at_is_not_before_created_at on public.classification_rules is
'updated_at must not be before created_at: leave both out, and they are set.';
