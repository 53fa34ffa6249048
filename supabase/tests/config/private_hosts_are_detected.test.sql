begin;

select plan(7);

select is_empty(
  $$ select host from unnest(array[
       '0.0.0.0', '10.0.0.1', '100.64.0.1', '100.127.255.255', '127.0.0.1', '169.254.169.254', '172.16.0.1',
       '172.31.255.255', '192.0.0.192', '192.168.1.1', '198.19.255.255', '224.0.0.1', '255.255.255.255'
     ]) as host
     where monitoring.is_private_host(host) is not true $$,
  'private, loopback and link-local networks are private'
);

select is_empty(
  $$ select host from unnest(array[
       '2852039166', '0251.0376.0251.0376', '0xa9fea9fe', '127.1', '0', '2130706433', '0x7f.1', '10.1'
     ]) as host
     where monitoring.is_private_host(host) is not true $$,
  'every spelling of them is private'
);

select is_empty(
  $$ select host from unnest(array[
       '::', '::1', '0:0:0:0:0:0:0:1', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '::127.0.0.1', 'fe80::1', 'fec0::1',
       'fc00::1', 'fd00:ec2::254', 'ff02::1', '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::1', '2001::1'
     ]) as host
     where monitoring.is_private_host(host) is not true $$,
  'IPv6 networks, and IPv4 addresses inside IPv6, are private'
);

select is_empty(
  $$ select host from unnest(array[
       'localhost', 'metadata', 'x.localhost', 'x.internal', 'metadata.google.internal', 'db.local', 'x.localdomain',
       'router.lan', 'nas.home.arpa', 'x.corp', 'x.home', 'x.intranet', 'x.private', ''
     ]) as host
     where monitoring.is_private_host(host) is not true $$,
  'names that only private networks resolve are private'
);

select is_empty(
  $$ select host from unnest(array['1.2.3.4.5', '1.2.3.256', '4294967296', 'a.08', 'a.0xg', '1..1', ':::1', '1:2']) as host
     where monitoring.is_private_host(host) is not true $$,
  'malformed addresses are private'
);

select is_empty(
  $$ select host from unnest(array[
       '8.8.8.8', '134744072', '172.15.255.255', '172.32.0.1', '100.63.255.255', '100.128.0.1', '126.255.255.255',
       '128.0.0.1', '169.253.0.1', '192.0.1.1', '192.167.0.1', '198.20.0.1', '223.255.255.255', '2606:4700::1111',
       '2001:4860:4860::8888'
     ]) as host
     where monitoring.is_private_host(host) is not false $$,
  'adjacent addresses are public'
);

select is_empty(
  $$ select host from unnest(array[
       'example.com', 'localhost.example.com', 'internal.example', '10.example.com', '127.0.0.1.example', 'a-lan.io'
     ]) as host
     where monitoring.is_private_host(host) is not false $$,
  'public names are public'
);

select * from finish();

rollback;
