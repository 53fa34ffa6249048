begin;

select plan(8);

insert into public.classification_rules (name, priority, severity, category, matches, unless, sources, example)
values
(
  'tap_card_declined', 20, 'LOW', 'backend', websearch_to_tsquery('simple', '"card declined" tapstripe'),
  'fraud', '{browser, Web}', 'tapstripe: card declined'
),
('tap_stripe', 30, 'CRITICAL', null, 'tapstripe', null, null, 'https://api.tapstripe.com/pay failed'),
('tap_by_level', 40, null, 'security', 'taplevel', null, null, 'taplevel changed'),
('tap_off', 1, 'HIGH', null, 'tapstripe', null, null, 'tapstripe');

update public.classification_rules
set is_enabled = false
where classification_rules.name = 'tap_off';

select results_eq(
  $$ select rule, severity::text, category::text
     from public.classify_error('HTTP 503: the card_declined answer of tapstripe', source => 'WEB') $$,
  $$ values ('tap_card_declined', 'LOW', 'backend') $$,
  'the lowest priority that matches decides, before the built-in rules, with its severity and category'
);
select is(
  (public.classify_error('TapStripe: card declined')).rule, 'tap_stripe', 'a rule for some sources is not for others'
);
select is(
  (public.classify_error('tapstripe: card declined, fraud', source => 'web')).rule, 'tap_stripe',
  'unless keeps a rule from matching'
);
select is(
  (public.classify_error('request failed', 'TapstripeError: tapstripe')).rule, 'tap_stripe', 'the type is part of the text'
);
select is(
  (public.classify_error(repeat('x ', 1500) || 'tapstripe')).rule, 'unmatched', 'the text ends after 3,000 characters'
);
select results_eq(
  $$ select rule, severity::text, category::text from public.classify_error('taplevel', level => 'fatal')
     union all
     select rule, severity::text, category::text from public.classify_error('taplevel') $$,
  $$ values ('tap_by_level', 'CRITICAL', 'security'), ('tap_by_level', 'MEDIUM', 'security') $$,
  'without a severity the level decides'
);
select public.report_error('{"error": {"message": "the checkout of tapstripe is slow"}, "fingerprint": "tap own 1"}');

select results_eq(
  $$ select rule, severity::text from public.incidents where context ->> 'fingerprint' = 'tap own 1' $$,
  $$ values ('tap_stripe', 'CRITICAL') $$,
  'the rule is stored on the incident'
);
update public.classification_rules
set severity = 'LOW'
where classification_rules.name = 'tap_stripe';

select public.report_error('{"error": {"message": "the checkout of tapstripe is slow"}, "fingerprint": "tap own 1"}');

select results_eq(
  $$ select severity::text from public.incidents where context ->> 'fingerprint' = 'tap own 1' $$,
  $$ values ('CRITICAL') $$,
  'a changed rule lowers no stored severity'
);

select * from finish();

rollback;
