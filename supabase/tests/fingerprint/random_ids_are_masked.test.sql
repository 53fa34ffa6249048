-- Ids of random letters and digits are masked; names that contain a digit are not.

begin;

select plan(3);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('No such customer: cus_NffrFeUfNV2Hib', 'No such customer: cus_9s6XKzkNRiz8i3'),
      ('pi_3MtwBwLkdIwHu7ix28a3tqPa gone', 'pi_1Gszsr2eZvKYlo2C0hZ8QmXv gone'),
      ('id V1StGXR8_Z5jdHi6B-myT x', 'id Uakgb_J5m9g-0JDMbcJqL x'),
      ('id tz4a98xxat96iws9 x', 'id 0k7x2m9qwe81r5tz x'),
      ('pod web-7d9f8b6c5d-x2k4q gone', 'pod web-59c8d7f6b4-zkbqz gone'),
      ('req_01HXYZABCDEFGHJKMNPQ', 'req_01J0ABCDEFGHJKMNPQRS')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') <> monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'random ids are masked'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('s3UploadPartFailed x', 's3CompleteUpload x'), ('k8sDeploymentTimeout x', 's3CompleteUpload x'),
      ('class Base64Decoder2000Impl', 'class Utf8EncoderV2Handler9'),
      ('oauth2callback failed', 'oauth2redirect failed'), ('IPv4AddressInUse', 'IPv6AddressLost'),
      ('SHA256WITHRSA bad', 'SHA256WITHDSA bad'), ('NoSuchV2Upload', 'NoSuchV2Bucket'),
      ('ERR_HTTP2_STREAM_CANCEL', 'ERR_HTTP2_SESSION_ERROR')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') = monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'names with digits are kept'
);

select is_empty(
  $$
    select sample.one, monitoring.normalize_error_message(sample.one), monitoring.normalize_error_message(sample.other)
    from (
      values
      ('worker_group_12 down', 'worker_group_13 down'),
      ('class HandlerOfPartNumber12', 'class HandlerOfPartNumber13')
    ) as sample (one, other)
    where monitoring.fingerprint_error(sample.one, 'Error', 'web') <> monitoring.fingerprint_error(sample.other, 'Error', 'web')
  $$,
  'the number in a name is kept'
);

select * from finish();

rollback;
