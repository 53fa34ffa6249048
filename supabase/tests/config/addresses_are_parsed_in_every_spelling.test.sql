begin;

select plan(5);

select results_eq(
  $$ select monitoring.find_url_host(url) from unnest(array[
       'https://Example.COM/a?b#c', 'http://example.com.', 'http://a_b.example:8080?x', 'http://127.0.0.1:65535#y',
       'https://[2606:4700::ABCD]:443/'
     ]) as url $$,
  $$ values ('example.com'), ('example.com'), ('a_b.example'), ('127.0.0.1'), ('2606:4700::abcd') $$,
  'the host is between the slashes and the port, in any case'
);

select is_empty(
  $$ select url from unnest(array[
       'https://example.com:65536/', 'https://example.com:x/', 'ftp://example.com/', 'https:///path',
       'https://user@example.com/', 'https://example.com\@127.0.0.1/', 'https://%31%32%37.0.0.1/',
       'https://１２７.0.0.1/', 'https://[::1%25eth0]/', 'https://[::1/'
     ]) as url
     where monitoring.find_url_host(url) is not null $$,
  'a host that is neither a plain name nor an address is null'
);

select is_empty(
  $$ select host from unnest(array[
       '169.254.169.254', '2852039166', '169.16689662', '169.254.43518', '0xa9fea9fe', '0xA9.0xfe.0xa9.0xfe',
       '0x00000000a9.254.169.254', '0251.0376.0251.0376', '000251.0376.0251.0376', '025177524776', '0251.0xfe.43518'
     ]) as host
     where monitoring.read_ipv4(lower(host)) is distinct from '169.254.169.254'::inet $$,
  'decimal, octal and hexadecimal addresses of one to four parts are parsed'
);

select results_eq(
  $$ select monitoring.read_ipv4(host) from unnest(array['127.1', '0', '0x', '0.0.0.0', '255.255.255.255']) as host $$,
  $$ values ('127.0.0.1'::inet), ('0.0.0.0'), ('0.0.0.0'), ('0.0.0.0'), ('255.255.255.255') $$,
  'the lowest and the highest address are parsed'
);

select is_empty(
  $$ select host from unnest(array[
       '', 'example.com', '1.2.3.4.5', '1.2.3.256', '256.1', '1.16777216', '4294967296', '08', '0xg', '1..2', '.1',
       '99999999999999999999', '0x100000000', '1.2.3.4 ', '-1'
     ]) as host
     where monitoring.read_ipv4(host) is not null $$,
  'other spellings are null'
);

select * from finish();

rollback;
