begin;

select plan(8);

-- Test cases 1, 2 and 6 of RFC 4231.
select is(
  encode(monitoring.hmac_sha256('Hi There', decode(repeat('0b', 20), 'hex')), 'hex'),
  'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7', 'HMAC-SHA256 is computed with a short key'
);

select is(
  encode(monitoring.hmac_sha256('what do ya want for nothing?', 'Jefe'), 'hex'),
  '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843', 'HMAC-SHA256 is computed with a word as key'
);

select is(
  encode(
    monitoring.hmac_sha256('Test Using Larger Than Block-Size Key - Hash Key First', decode(repeat('aa', 131), 'hex')),
    'hex'
  ),
  '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54', 'a key that is longer than a block is hashed'
);

-- The example of the documentation of Svix.
select is(
  monitoring.sign_webhook(
    'msg_p5jXN8AQM9LWM0D4loKWxJek', to_timestamp(1614265330), '{"test": 2432232314}', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  ),
  'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', 'a webhook is signed as Standard Webhooks says'
);

select is(
  monitoring.sign_webhook('m', to_timestamp(1614265330.9), 'é', 'whsec_YQ== whsec_Yg=='),
  concat_ws(
    ' ',
    monitoring.sign_webhook('m', to_timestamp(1614265330), 'é', 'YQ=='),
    monitoring.sign_webhook('m', to_timestamp(1614265330), 'é', 'whsec_Yg==')
  ),
  'a secret that is being replaced gives two signatures, of whole seconds'
);

select
  is(
    monitoring.sign_webhook('m', now(), 'b', secret), null, format('%s is no signing secret', quote_literal(secret))
  )
from unnest(array['whsec_no base64!', 'whsec_', ' ']) as secrets (secret);

select * from finish();

rollback;
