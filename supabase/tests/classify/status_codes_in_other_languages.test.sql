-- Status codes in localized messages, and numbers there that are none.

begin;

select plan(24);

select is(monitoring.find_status_code(lower(sample.message), null), sample.wanted, sample.message)
from (
  values
  ('System.Net.WebException: Der Remoteserver hat einen Fehler zurückgegeben: (503) Server nicht verfügbar.', 503),
  ('Fehler 500: Interner Serverfehler', 500),
  ('POST /api/konto antwortete mit 502', 502),
  ('504 Gateway-Zeitüberschreitung', 504),
  ('Erreur HTTP 503', 503),
  ('Le serveur distant a retourné une erreur : (401) Non autorisé.', 401),
  ('la réponse 404 du service', null),
  ('le service a renvoyé 502.', 502),
  ('Código de estado: 502.', 502),
  ('Error en el servidor remoto: (504) Tiempo de espera.', 504),
  ('El servicio respondió con 503.', 503),
  ('O servidor remoto retornou um erro: (500) Erro Interno do Servidor.', 500),
  ('código de status: 429', 429),
  ('Errore del server remoto: (503) Server non disponibile.', 503),
  ('код состояния: 503', 503),
  ('リモート サーバーがエラーを返しました: (404) 見つかりません', 404),
  ('ステータスコード: 503', 503),
  ('状态码：502', 502),
  ('远程服务器返回错误: (500) 内部服务器错误。', 500),
  ('원격 서버에서 (502) 잘못된 게이트웨이 오류를 반환했습니다.', 502),
  ('超时 502 ms', null),
  ('共导入 503 条', null),
  ('tiempo de espera 504 segundos', null),
  ('Zeile 500 von 503 Zeilen', null)
) as sample (message, wanted);

select * from finish();

rollback;
