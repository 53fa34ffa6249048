-- A password, a personal identification number or a one-time code in a sentence is redacted; words about it stay.

begin;

select plan(11);

select is(monitoring.sanitize_text(sample.body, 4096), sample.wanted, sample.description)
from (
  values
  (
    'the password for the box is x9Kp27vQ, la password è x9Kp27vQ, wachtwoord is x9Kp%7vQ end',
    'the password for the box is [redacted], la password è [redacted], wachtwoord is [redacted] end', 'more sentences'
  ),
  ('Ihre PIN lautet 60473. código de acesso é 942545. SSN 628-77-1099 is taken', 'Ihre PIN lautet [redacted] código de acesso é [redacted] SSN [redacted] is taken', 'more numbers'),
  (
    'Ihr Bestätigungscode lautet 819-987, Sicherheitscode: 611140, code de vérification est 829301, código de error: 829301',
    'Ihr Bestätigungscode lautet [redacted], Sicherheitscode: [redacted], code de vérification est [redacted], código de error: 829301',
    'codes in other languages'
  ),
  ('login failed, password was ''hunter2x'' for bob', 'login failed, password was ''[redacted]'' for bob', 'in quotes'),
  ('failed with password "correcthorse" again', 'failed with password "[redacted]" again', 'with a word in quotes'),
  ('the password is x9Kp27vQ, passphrase was Tr0ub4dor&3', 'the password is [redacted], passphrase was [redacted]', 'without quotes'),
  (e'machine h login bob password x9Kp27vQ\nnext', e'machine h login bob password [redacted]\nnext', 'netrc'),
  ('PIN was 4821, OTP 829301 expired, your verification code is 611140', 'PIN was [redacted], OTP [redacted] expired, your verification code is [redacted]', 'numbers'),
  ('Passwort: x9Kp27vQ, contraseña=x9Kp27vQ, パスワード: x9Kp27vQ end', 'Passwort: [redacted], contraseña=[redacted], パスワード: [redacted] end', 'in other languages'),
  ('password is required; password is base64-encoded; password was changed 3 days ago; using password: YES', 'password is required; password is base64-encoded; password was changed 3 days ago; using password: YES', 'statements'),
  ('Passwort-Authentifizierung; Passwort ist falsch; pin 13 is used; error code 10061; secret "db-credentials" not found', 'Passwort-Authentifizierung; Passwort ist falsch; pin 13 is used; error code 10061; secret "db-credentials" not found', 'other words')
) as sample (body, wanted, description);

select * from finish();

rollback;
