begin;

select plan(8);

create function monitoring.test_describe(certificate jsonb)
returns text
language sql
set search_path = ''
as $$
  select concat_ws(
    ' ', (monitoring.judge_certificate(given.certificate, '2026-01-01 00:00:00+00')).severity,
    (monitoring.judge_certificate(given.certificate, '2026-01-01 00:00:00+00')).title
  )
  from (
    select jsonb_populate_record(
      null::monitoring.target_certificates,
      '{"target": "api", "endpoint": "a.example:443", "issuer": "R11", "names": ["a.example", "b.example"],
        "not_before": "2025-01-01", "not_after": "2027-01-01"}' || certificate
    ) as certificate
  ) as given
$$;

select is(monitoring.test_describe('{}'), '', 'nothing is wrong with a good certificate');

select is(
  monitoring.test_describe('{"not_before": null, "not_after": null}'), '', 'nor with one that nobody has seen yet'
);

select is(
  array[
    monitoring.test_describe('{"problem": "the certificate is self-signed"}'),
    monitoring.test_describe('{"problem": "The certificate is not for a.example"}'),
    monitoring.test_describe('{"problem": "the certificate is from an unknown issuer"}'),
    monitoring.test_describe('{"problem": "the certificate of the authority that issued it has expired"}'),
    monitoring.test_describe('{"problem": "no common protocol", "not_after": null}')
  ],
  array[
    'HIGH The certificate of api is self-signed',
    'HIGH The certificate of api is not for a.example',
    'HIGH The certificate of api is from an unknown issuer',
    'HIGH The certificate of api is not accepted: the certificate of the authority that issued it has expired',
    'HIGH The certificate of api is not accepted: no common protocol'
  ],
  'a certificate that clients reject is an incident in the words of the service'
);

select is(
  array[
    monitoring.test_describe('{"not_before": "2026-01-02"}'),
    monitoring.test_describe('{"not_after": "2025-12-31", "problem": "the certificate is not for a.example"}'),
    monitoring.test_describe('{"not_after": "2026-01-03", "problem": "the certificate is not for a.example"}')
  ],
  array[
    'HIGH The certificate of api is not valid yet',
    'CRITICAL The certificate of api has expired',
    'HIGH The certificate of api is not for a.example'
  ],
  'the clock of the database decides what is valid'
);

select is(
  array(
    select monitoring.count_days_left(moments.moment, '2026-01-01 00:00:00+00')
    from
      unnest(array[
        '2026-01-01 00:00:01+00', '2026-01-02 00:00:00+00', '2026-01-02 00:00:01+00', '2026-01-01 00:00:00+00',
        '2025-12-30 12:00:00+00'
      ]::timestamptz[]) with ordinality as moments (moment, place)
    order by moments.place
  ),
  array[1, 1, 2, 0, -1], 'a day that has begun counts'
);

create function monitoring.test_message(certificate jsonb)
returns text
language sql
set search_path = ''
as $$
  select monitoring.describe_certificate_message(
    jsonb_populate_record(
      null::monitoring.target_certificates,
      '{"target": "api", "endpoint": "a.example:443", "issuer": "R11", "names": ["a.example", "b.example"],
        "not_before": "2025-01-01", "not_after": "2026-01-05 10:30:00+00"}' || certificate
    ),
    '2026-01-01 00:00:00+00'
  )
$$;

select is(
  monitoring.test_message('{}'),
  'The certificate that a.example:443 presents is valid until 2026-01-05 10:30 UTC. Issued by R11 for a.example, '
  || 'b.example. Renew it, and let the server load the new one: an automatic renewal may have failed, or the server may '
  || 'not have been reloaded since.',
  'the message says the end, the issuer, the names, and what to do'
);

select is(
  monitoring.test_message('{"not_after": null, "names": [], "issuer": null, "problem": "the certificate is self-signed"}'),
  'The certificate that a.example:443 presents has no end that could be read. Clients reject it: the certificate is '
  || 'self-signed. Issued by an unknown issuer for no name. Install a certificate that an authority trusted by clients has '
  || 'issued for this host, together with its intermediate certificates.',
  'also of one that could not be read'
);

select is(
  array[
    monitoring.test_message('{"not_after": "2025-12-31 10:30:00+00"}'),
    monitoring.test_message('{"not_before": "2026-01-02 00:00:00+00"}')
  ],
  array[
    'The certificate that a.example:443 presents expired on 2025-12-31 10:30 UTC. Issued by R11 for a.example, '
    || 'b.example. Renew it, and let the server load the new one: an automatic renewal may have failed, or the server may '
    || 'not have been reloaded since.',
    'The certificate that a.example:443 presents is valid until 2026-01-05 10:30 UTC. It is not valid before 2026-01-02 '
    || '00:00 UTC. Issued by R11 for a.example, b.example. Check the clock of the server, or install a certificate that is '
    || 'valid now.'
  ],
  'and of one that is not valid'
);

select * from finish();

rollback;
