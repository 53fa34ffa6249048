begin;

select plan(6);

select is(
  monitoring.list_program_frames(
    e'Error: no\n    at get (/app/node_modules/pg/pool.js:1:2)\n    at checkout (/app/src/orders.ts:12:5)\n'
    '    at main (/app/src/main.ts:3:1)', 5
  ),
  array['at checkout (/app/src/orders.ts:12:5)', 'at main (/app/src/main.ts:3:1)'], 'the frames of JavaScript, newest first'
);

select is(
  monitoring.list_program_frames(e'panic: no\n\nmain.checkout(0x1)\n\t/app/orders.go:12 +0x1d', 5),
  array['main.checkout(0x1) /app/orders.go:12 +0x1d'], 'a frame of Go has its function'
);

select is(monitoring.list_program_frames(repeat(e'    at f (/app/a.js:1:2)\n', 1000), 3), array_fill(
  'at f (/app/a.js:1:2)'::text, array[3]
), 'at most so many');

select is(monitoring.list_program_frames(null, 5), '{}'::text[], 'none without a stack');

select is(
  monitoring.list_causes(
    '{"reported_error": {"type": "CheckoutError", "message": "checkout failed",
      "cause": {"name": "PoolError", "message": "pool exhausted"}}}', null
  ),
  '[{"type": "CheckoutError", "message": "checkout failed"}, {"type": "PoolError", "message": "pool exhausted"}]',
  'causes from the reported error to the root'
);

select is(
  monitoring.list_causes('{}', e'a.B: x\n\tat a.B.c(B.java:1)\nCaused by: a.D: y\n\t... 3 more\nCaused by: a.E: z'),
  '[{"message": "Caused by: a.D: y"}, {"message": "Caused by: a.E: z"}]', 'causes that are printed in a stack'
);

select * from finish();

rollback;
