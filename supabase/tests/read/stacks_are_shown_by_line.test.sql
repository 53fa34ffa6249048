-- Each line of a stack: "." belongs to no frame, "l" to one of a library, "A" to one of the program itself.

begin;

select plan(5);

create function pg_temp.marked(stack text)
returns text
language sql
as $$
  select string_agg(
    case when lines.is_in_app and lines.is_frame then 'A' when lines.is_frame then 'l' when lines.is_in_app then '?' else '.' end,
    '' order by lines.place
  )
  from monitoring.list_stack_lines(marked.stack) as lines
$$;

select results_eq(
  $$
    select samples.language, pg_temp.marked(samples.stack) as marked
    from (
      values
      ('Python', e'Traceback (most recent call last):\n  File "/usr/lib/python3.11/site-packages/r.py", line 5, in send\n    y()\n    ~^^\n  File "/srv/app/shop/views.py", line 8, in ship\n    x(\n      1)\nValueError: x'),
      ('Python of Windows', e'Traceback (most recent call last):\r\n  File "C:\\shop\\views.py", line 8, in ship\r\n    x()\r\nValueError: x'),
      ('Node', e'TypeError: x\n    at total (/app/src/cart.js:5:7)\n    at /app/src/anonymous.js:1:1\n    at settle (/app/node_modules/axios/lib/settle.js:19:12)\n    at async Promise.all (index 0)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)'),
      ('minified JavaScript', e'TypeError: x\n    at t.a (https://a.example/assets/index-Bq3xK9Zd.js:12:40213)\n    at https://a.example/assets/index-Bq3xK9Zd.js:12:1\n    at Array.map (<anonymous>)'),
      ('Firefox', e'renderRows@https://a.example/assets/OrdersPage-Ck29dLq8.js:31:17\n@https://a.example/assets/x.js:7:9\nforEach@[native code]'),
      ('Java', e'com.acme.CartException: x\n\tat com.acme.shop.Cart.total(Cart.java:44)\n\tat java.base/java.lang.Thread.run(Thread.java:840)\nCaused by: java.sql.SQLException: y\n\tat org.h2.jdbc.C.d(C.java:1)\n\tat com.acme.shop.Db.read(Db.java:9)\n\t... 23 more'),
      ('.NET', e'System.Exception: x\n   at System.Net.Http.HttpClient.Send(HttpRequest r)\n   at Acme.Cart.Add() in C:\\src\\Shop\\Cart.cs:line 42\n--- End of stack trace from previous location ---\n   at Acme.Api.Cart(Int32 id)'),
      ('Go', e'panic: x\n\ngoroutine 1 [running]:\nruntime.gopanic(0x1)\n\t/usr/local/go/src/runtime/panic.go:10 +0x2\nmain.(*Server).handle(0xc0, 0x2)\n\t/app/internal/api/server.go:42 +0x1d\ncreated by main.serve in goroutine 1\n\t/app/main.go:7 +0x1'),
      ('Ruby', e'app/models/cart.rb:12:in `total'': x (RuntimeError)\n\tfrom /usr/lib/ruby/gems/3.2/gems/a/x.rb:1:in `exec''\n\tfrom app/models/cart.rb:5:in ''Cart#add'''),
      ('PHP', e'PDOException: x in /srv/app/Db.php:3\nStack trace:\n#0 /srv/vendor/a.php(12): A->b()\n#1 /srv/app/Http/CartController.php(33): App\\Cart->add(Object(X))\n#2 [internal function]: App\\Cart->add()\n#3 {main}'),
      ('Rust', e'thread ''main'' panicked at src/main.rs:3:5:\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/0a/library/std/src/panicking.rs:5:5\n   4: shop::db::connect::h1a2b3c4d5e6f7a8b\n             at ./src/db.rs:12:5'),
      ('Elixir', e'** (RuntimeError) x\n    (ecto 3.1.0) lib/ecto/repo.ex:1: Ecto.Repo.get!/2\n    (shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.total/1'),
      ('Dart', e'#0      Cart.total (package:shop/cart.dart:12:5)\n#1      State.setState (package:flutter/src/widgets/framework.dart:1:1)')
    ) as samples (language, stack)
  $$,
  $$ values
     ('Python', '.lllAAA.'), ('Python of Windows', '.AA.'), ('Node', '.AAlll'), ('minified JavaScript', '.AAl'), ('Firefox', 'AAl'),
     ('Java', '.Al.lAl'), ('.NET', '.lA.A'), ('Go', '...llAAAA'), ('Ruby', 'AlA'), ('PHP', '..lAll'), ('Rust', '..llAA'),
     ('Elixir', '.lA'), ('Dart', 'Al') $$,
  'in the notation of each language'
);

select results_eq(
  $$
    select lines.place, lines.line
    from monitoring.list_stack_lines(e'E: <b>x</b>\r\n\tat a (b.js:1)\r\n') as lines
  $$,
  $$ values (1, 'E: <b>x</b>'), (2, e'\tat a (b.js:1)'), (3, '') $$,
  'lines are as they are stored, without the end of a line of Windows'
);

select results_eq(
  $$
    select count(*)
    from unnest(array[null, '', 'x', repeat('at a (b.js:1) ', 100), e'\n\n', repeat('(', 900)]) as stacks (stack)
    cross join lateral monitoring.list_stack_lines(stacks.stack) as lines
    where not lines.is_frame
  $$,
  $$ values (6::bigint) $$,
  'a text without frames, or with a line that is too long for one'
);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule, stack)
select
  'INC-' || length as id,
  'tap stack ' || length as fingerprint,
  't' as title,
  'm' as message,
  'LOW' as severity,
  'backend' as category,
  'r' as rule,
  (
    select string_agg(format('    at f%s (/app/a.js:%s:1)', number, number), e'\n' order by number)
    from generate_series(1, length) as numbers (number)
  ) as stack
from unnest(array[200, 201, 500]) as lengths (length);

select results_eq(
  $$
    select
      jsonb_array_length(page -> 'stack') as lines, page -> 'stack_is_cut' as is_cut, page #>> '{stack,99,text}' as line_100,
      page #>> '{stack,100,text}' as line_101, page #>> '{stack,-1,text}' as last_line
    from public.incidents
    cross join lateral public.incident_page(incidents.id) as page
    where incidents.fingerprint like 'tap stack %'
    order by length(incidents.stack)
  $$,
  $$ values
     (200, 'false'::jsonb, '    at f100 (/app/a.js:100:1)', '    at f101 (/app/a.js:101:1)', '    at f200 (/app/a.js:200:1)'),
     (200, 'true', '    at f100 (/app/a.js:100:1)', '… 2 lines', '    at f201 (/app/a.js:201:1)'),
     (200, 'true', '    at f100 (/app/a.js:100:1)', '… 301 lines', '    at f500 (/app/a.js:500:1)') $$,
  'of a long stack the beginning and the end'
);

select is(
  public.incident_page('INC-200') #> '{stack,0}',
  '{"text": "    at f1 (/app/a.js:1:1)", "is_frame": true, "is_in_app": true}', 'a line says what it is'
);

select * from finish();

rollback;
