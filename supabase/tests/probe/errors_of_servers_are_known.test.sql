begin;

select plan(3);

select is_empty(
  $$ select error from unnest(array[
       'SSL connect error', 'SSL peer certificate or SSH remote key was not OK', 'Couldn''t use specified SSL cipher',
       'Could not use specified SSL cipher', 'Issuer check against peer certificate failed',
       'SSL public key does not match pinned public key', 'SSL server certificate status verification FAILED',
       'SSL Client Certificate required', 'ECH attempted but failed', 'Unsupported protocol', 'Weird server reply',
       'Error in the HTTP2 framing layer', 'Stream error in the HTTP/2 framing layer', 'Transferred a partial file',
       'Number of redirects hit maximum amount', 'Unrecognized or bad HTTP Content or Transfer-Encoding',
       'A value or data field grew larger than allowed', 'responded with 1000, which is no HTTP status'
     ]) as errors (error)
     where not monitoring.is_server_error(error) or monitoring.sanitize_text(error, 1000) <> error $$,
  'these errors of libcurl come from a server, and are stored as they are'
);

select is_empty(
  $$ select error from unnest(array[
       'Could not resolve hostname', 'Couldn''t resolve host name', 'Could not connect to server',
       'Couldn''t connect to server', 'Timeout was reached', 'Failed sending data to the peer',
       'Failure when receiving data from the peer', 'Server returned nothing (no headers, no data)',
       'Problem with the local SSL certificate', 'Problem with the SSL CA cert (path? access rights?)',
       'Failed to initialise SSL crypto engine', 'Out of memory', ''
     ]) as errors (error)
     where monitoring.is_server_error(error) $$,
  'these do not'
);

select is(monitoring.is_server_error(null), false, 'nor does no error');

select * from finish();

rollback;
