-- The culprit is the newest frame of the program itself, without what differs between releases.

begin;

select plan(10);

select results_eq(
  $$
    select monitoring.find_culprit(stack)
    from (
      values
      (1, e'TypeError: x\n    at settle (/app/node_modules/axios/lib/settle.js:19:12)\n    at async Promise.all (index 0)\n    at async sync (/app/src/jobs/inventory.ts:22:17)'),
      (2, e'renderRows@https://a.example/assets/OrdersPage-Ck29dLq8.js:31:17\nApp@https://a.example/assets/x.js:7:9'),
      (3, e'Traceback (most recent call last):\n  File "/srv/app/shop/views.py", line 8, in ship\n    x()\n  File "/usr/lib/python3.11/site-packages/r.py", line 5, in send\n    y()\nValueError: x'),
      (4, e'a.B: x\n\tat org.h2.jdbc.C.d(C.java:1)\n\tat com.acme.shop.Cart.lambda$total$0(Cart.java:44)'),
      (5, e'X: y\n   at System.Net.Http.HttpClient.Send(HttpRequest r)\n   at Acme.CartService.<AddAsync>d__12.MoveNext() in C:\\src\\Shop\\Cart.cs:line 42'),
      (6, e'#0 /srv/vendor/a.php(12): A->b()\n#1 /srv/app/Http/CartController.php(33): App\\Cart->add(Object(X))\n#2 {main}'),
      (7, e'/usr/lib/ruby/gems/3.2/gems/a/x.rb:1:in `exec''\napp/models/cart.rb:12:in `block in total'''),
      (8, e'goroutine 1 [running]:\nruntime.gopanic(0x1)\n\t/usr/local/go/src/runtime/panic.go:10 +0x2\nmain.(*Server).handle(0xc0, 0x2)\n\t/app/internal/api/server.go:42 +0x1d'),
      (9, e'   0: rust_begin_unwind\n             at /rustc/0a/library/std/src/panicking.rs:5:5\n   4: shop::db::connect::h1a2b3c4d5e6f7a8b\n             at ./src/db.rs:12:5'),
      (10, e'#0      Cart.total (package:shop/cart.dart:12:5)'),
      (11, e'    (ecto 3.1.0) lib/ecto/repo.ex:1: Ecto.Repo.get!/2\n    (shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.total/1')
    ) as samples (place, stack)
    order by place
  $$,
  array[
    'jobs/inventory.ts in sync', 'OrdersPage-<*>.js in renderRows', 'shop/views.py in ship', 'Cart.java in total',
    'Shop/Cart.cs in AddAsync', 'Http/CartController.php in add', 'models/cart.rb in total', 'api/server.go in handle', 'db.rs in connect',
    'package:shop/cart.dart in total', 'shop/cart.ex in total'
  ],
  'in the notation of each language'
);

select is(
  monitoring.find_culprit(e'Error: x\n    at total (/srv/releases/20261101/src/cart.js:5:7)\n    at one (/app/a.js:1:1)'),
  monitoring.find_culprit(e'Error: x\n    at total (/srv/releases/20261123/src/cart.js:90:1)'),
  'lines, folders of the deploy and the depth of the stack do not matter'
);

select is(
  monitoring.find_culprit(
    e'a.B: x\n\tat com.acme.Limits$$Lambda$1042/0x0000000801234567.apply(Unknown Source)\n\tat com.acme.Limits.check(Limits.java:18)'
  ),
  'Limits.java in check', 'a frame that the virtual machine generated does not matter'
);

select is(
  monitoring.find_culprit('app/views/users/show.html.erb:16:in `_app_views_users_show_html_erb___372_703'''),
  'users/show.html.erb in _app_views_users_show_html_erb', 'the number of a compiled template does not matter'
);

select is(
  monitoring.find_culprit(e'Error: x\n    at async withRetry (/app/src/retry.ts:5:7)\n    at async load (/app/src/shop/cart.ts:1:1)'),
  monitoring.find_culprit(e'Error: x\n    at async load (/app/src/shop/cart.ts:1:1)'),
  'a wrapper for retries does not matter'
);

select is(
  array[
    monitoring.find_culprit(e'TypeError: x\n    at t.a (https://a.example/assets/index-Bq3xK9Zd.js:12:40213)'),
    monitoring.find_culprit(e'TypeError: x\n    at https://a.example/assets/index-Bq3xK9Zd.js:12:40213'),
    monitoring.find_culprit(e'E: x\n    at run (node:internal/process/task_queues:95:5)'), monitoring.find_culprit('no stack'),
    monitoring.find_culprit(''), monitoring.find_culprit(null)
  ],
  array[null, null, null, null, null, null]::text[], 'minified names and stacks of libraries have none'
);

select is(
  array[
    monitoring.extract_root_trace(e'A: a\n\tat b\nCaused by: C: c\n\tat d'), monitoring.extract_root_trace('A: a ---> B: b --- End of inner exception stack trace ---'),
    monitoring.extract_root_trace(e'K: k\n\nDuring handling of the above exception, x'), monitoring.extract_root_trace('x')
  ],
  array[e'C: c\n\tat d', 'B: b ', 'K: k', 'x'], 'of a chain, the stack of the root cause counts'
);

select is(
  array[
    monitoring.simplify_file_name('https://a.example/src/cart/index.tsx?v=1:12:5'), monitoring.simplify_file_name('C:\app\Shop\Cart.cs'),
    monitoring.simplify_function_name('Object.total [as sum]'), monitoring.simplify_function_name('App\Cart->add'), monitoring.simplify_function_name('<anonymous>')
  ],
  array['cart/index.tsx', 'Shop/Cart.cs', 'total', 'add', ''], 'names are simplified'
);

select is(
  array[
    monitoring.is_library_frame('/app/node_modules/a.js:1', 'b'), monitoring.is_library_frame('/app/src/a.js:1', 'b'),
    monitoring.is_library_frame('Thread.java:1', 'java.base/java.lang.Thread.run'), monitoring.is_library_frame(null, null)
  ],
  array[true, false, true, false], 'frames of libraries are recognized'
);

select is(
  (monitoring.read_stack_frame('    at total (/app/cart.js:5:7)', null))::text, '(/app/cart.js:5:7,total)', 'a line has a file and a function'
);

select * from finish();

rollback;
