-- Names of parts of the program, hosts, ports and codes tell one error from another, in any language.

begin;

select plan(9);

create function monitoring.test_template(message text)
returns text
language sql
set search_path = ''
as $$
  select monitoring.normalize_error_message(test_template.message)
$$;

select is_empty(
  $$
    select word
    from unnest(array[
      'table', 'column', 'relation', 'constraint', 'property', 'attribute', 'module', 'key', 'prop', 'task', 'policy',
      'function', 'reading', 'evaluating', 'queue', 'topic', 'bucket', 'parameter', 'Spalte', 'Unique-Constraint', 'Tabelle',
      'contrainte unique', 'la colonne', 'restricción de unicidad', 'la relación', 'coluna', 'restrição de unicidade',
      'ERROR: 列', '一意性制約', 'リレーション', '错误: 关系', '唯一约束'
    ]) as word,
      unnest(array['"%s"', '''%s''', '«%s»', '« %s »', '„%s“', '“%s”', '「%s」', '»%s«']) as quote
    where monitoring.test_template(word || ' ' || format(quote, 'orders') || ' failed')
      = monitoring.test_template(word || ' ' || format(quote, 'invoices') || ' failed')
  $$,
  'a quoted name after the word that says what it is, in all quotation marks'
);

select is_empty(
  $$
    select sample.one, monitoring.test_template(sample.one)
    from (
      values
      ('name ''a'' is not defined', 'name ''b'' is not defined'), ('"a" is required', '"b" is required'),
      ('''list'' object has no attribute ''a''', '''dict'' object has no attribute ''a'''), ('column `a`.`b` lost', 'column `a`.`c` lost'),
      ('列"a"は存在しません', '列"b"は存在しません'), ('undefined method `a'' for nil', 'undefined method `b'' for nil'),
      ('raised KeyError(''a'')', 'raised KeyError(''b'')'), ('info: ''The card has expired.''', 'info: ''The card was declined.'''),
      ('open ''/app/config/a.json'' failed', 'open ''/app/config/b.json'' failed'), ('from origin ''https://a.example'' blocked', 'from origin ''https://b.example'' blocked')
    ) as sample (one, other)
    where monitoring.test_template(sample.one) = monitoring.test_template(sample.other)
  $$,
  'a quoted name before what is said of it, code, and files of the program'
);

select is_empty(
  $$
    select sample.one, monitoring.test_template(sample.one)
    from (
      values
      ('connect 127.0.0.1:5432', 'connect 127.0.0.1:6379'), ('connect ::1:5432', 'connect ::1:3306'), ('connect [fd00::3]:5432', 'connect [fd00::3]:9200'),
      ('connect db.internal:5432', 'connect db.internal:6432'), ('Pool(host=''a.example'', port=443)', 'Pool(host=''b.example'', port=443)'),
      ('Pool(host=''a'', port=80)', 'Pool(host=''a'', port=8080)'), ('lookup a.example failed', 'lookup b.example failed')
    ) as sample (one, other)
    where monitoring.test_template(sample.one) = monitoring.test_template(sample.other)
  $$,
  'hosts and ports of services'
);

select is_empty(
  $$
    select sample.one, monitoring.test_template(sample.one)
    from (
      values
      ('NG0100: x', 'NG0203: x'), ('React error #418; x', 'React error #185; x'), ('code=H12 desc="a"', 'code=H10 desc="a"'), ('ORA-00942: x', 'ORA-00904: x'),
      ('AADSTS50011: x', 'AADSTS65001: x'), ('TS2345: x', 'TS2304: x'), ('P1001: x', 'P2024: x'), ('AH01071: x', 'AH01079: x'),
      ('HRESULT: 0x80070005', 'HRESULT: 0x800A03EC'), ('{"issue":"CARD_EXPIRED"}', '{"issue":"CARD_DECLINED"}'), ('{"code":"card_declined"}', '{"code":"expired_card"}'), ('{"statusCode":"500"} x', '{"statusCode":"502"} x'),
      ('Twilio error 21211: x', 'Twilio error 21610: x'), ('ER_DUP_ENTRY: x', 'ER_NO_SUCH_TABLE: x')
    ) as sample (one, other)
    where monitoring.test_template(sample.one) = monitoring.test_template(sample.other)
  $$,
  'codes of vendors'
);

select is_empty(
  $$
    select sample.one, monitoring.test_template(sample.one)
    from (
      values
      ('[Errno 104] x', '[Errno 111] x'), ('[WinError 10061] x', '[WinError 10060] x'), ('x (os error 2)', 'x (os error 13)'), ('curl: (7) x', 'curl: (28) x'),
      ('x (SQLSTATE 40001)', 'x (SQLSTATE 57014)'), ('SQLSTATE[HY000] [2002] x', 'SQLSTATE[42S02] [2002] x'), ('code = Unavailable', 'code = Internal'),
      ('GET /posts/0a1b2c3d4e5f60718293a4b5 404', 'GET /posts/ffff2c3d4e5f60718293a4b5 500'), ('fetch answered 404', 'fetch answered 503')
    ) as sample (one, other)
    where monitoring.test_template(sample.one) = monitoring.test_template(sample.other)
  $$,
  'numbers of operating systems and protocols'
);

select results_eq(
  $$
    select monitoring.test_template(message)
    from unnest(array[
      'Failed query: insert into "orders" ("id") values ($1)', 'Failed query: UPDATE "orders" SET "total" = $1',
      'Failed query: delete from "orders" where "id" = $1', 'cannot run SELECT * FROM `orders`',
      'Failed to update "Annual report"', 'message from "jane" was dropped'
    ]) with ordinality as sample (message, position)
    order by position
  $$,
  array[
    'Failed query: insert into "orders" (<*>) values ($<*>)', 'Failed query: UPDATE "orders" SET <*> = $<*>',
    'Failed query: delete from "orders" where <*> = $<*>', 'cannot run SELECT * FROM `orders`',
    'Failed to update <*>', 'message from <*> was dropped'
  ],
  'tables of statements'
);

select is(
  array[
    monitoring.is_identifier('column ', 'price', ''), monitoring.is_identifier('user ', 'jane', ''),
    monitoring.is_identifier('', 'price', ' is required'), monitoring.is_identifier('a = ', 'jane', '')
  ],
  array[true, false, true, false], 'the word before a value decides first, then what follows'
);

select is(
  array[
    monitoring.is_error_number('status ', '404', ''), monitoring.is_error_number('returned ', '404', ' rows'),
    monitoring.is_error_number('host.example:', '5432', ''), monitoring.is_error_number('cart.js:', '5432', '')
  ],
  array[true, false, true, false], 'a number is a code or not by the words around it'
);

select is(
  array[
    monitoring.mask_word('cus_NffrFeUfNV2Hib'), monitoring.mask_word('s3UploadPart'), monitoring.mask_word('ORA-00942'),
    monitoring.mask_number('took ', '12ms', ''), monitoring.mask_number('exit ', '137', ''), monitoring.mask_named_value('user ', '"jane"', ''),
    monitoring.mask_named_value('table ', '"orders"', ''), monitoring.mask_values('user 7'), monitoring.is_part_of_a_value('März')::text,
    monitoring.begins_error_tuple('(', '2006', ', ', '"server has gone"')::text
  ],
  array['cus-<*>', 's3UploadPart', 'ORA-00942', '<*>', '137', '<*>', '"orders"', 'user <*>', 'true', 'true'],
  'each kind of value has its function'
);

select * from finish();

rollback;
