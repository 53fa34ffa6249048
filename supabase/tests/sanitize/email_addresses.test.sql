-- E-mail addresses are redacted; text that only looks like one stays.

begin;

select plan(8);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  ('Mail a.b+c@mail.example.co.uk, please.', 'Mail [redacted], please.', 'in a sentence'),
  ('Key (email)=(a@b.com) already exists', 'Key (email)=([redacted]) already exists', 'in a constraint violation'),
  ('/u?mail=a%40b.com&x=1', '/u?mail=[redacted]&x=1', 'in a query string'),
  ('jörg@büro.example', '[redacted]', 'letters of any alphabet'),
  ('git@github.com:org/repo.git', 'git@github.com:org/repo.git', 'a repository'),
  ('scp deploy@web.example.com:/srv/x .', 'scp deploy@web.example.com:/srv/x .', 'a path on a host'),
  ('react@18.2.0 @scope/pkg logo@2x.png', 'react@18.2.0 @scope/pkg logo@2x.png', 'packages and images'),
  ('ssh root@localhost and root@10.0.0.1', 'ssh root@localhost and root@10.0.0.1', 'a host without a domain')
) as sample (body, wanted, description);

select * from finish();

rollback;
